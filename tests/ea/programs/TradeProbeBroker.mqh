int Broker_Send(const int type,const double price,const string comment)
  {
   return(OrderSend(Symbol(),type,Lots,NormalizeDouble(price,Digits),Slippage,0,0,comment,77,0,clrNONE));
  }
bool Broker_Close(const int ticket,const double lots)
  {
   return(OrderClose(ticket,lots,Bid,Slippage,clrNONE));
  }
bool Broker_Modify(const int ticket,const double stop)
  {
   return(OrderSelect(ticket,SELECT_BY_TICKET) && OrderModify(ticket,OrderOpenPrice(),stop,0,0,clrNONE));
  }
