//--- the only file that sends
#property strict
bool Broker_Send(const MqlTradeRequest &request,MqlTradeResult &result)
  {
   return(OrderSend(request,result));
  }
