//--- A naive MQL5 program that trades when a button is clicked: its name is the order. It shows what it sees.
#property strict
#include "TradeProbe5Broker.mqh"
input double Lots=0.10;
int g_transactions=0;
int OnInit()
  {
   if(!EventSetMillisecondTimer(20))
      return(INIT_FAILED);
   Print("started ",AccountInfoString(ACCOUNT_SERVER),":",AccountInfoInteger(ACCOUNT_LOGIN)," hedging ",
         AccountInfoInteger(ACCOUNT_MARGIN_MODE)==ACCOUNT_MARGIN_MODE_RETAIL_HEDGING);
   return(INIT_SUCCEEDED);
  }
void OnTimer()
  {
  }
void OnTick()
  {
   MqlTick tick;
   if(SymbolInfoTick(_Symbol,tick))
      Print("tick ",DoubleToString(tick.bid,_Digits));
  }
void OnTradeTransaction(const MqlTradeTransaction &transaction,const MqlTradeRequest &request,const MqlTradeResult &result)
  {
   if(transaction.type==TRADE_TRANSACTION_DEAL_ADD)
      Print("transaction of ",transaction.position);
  }
void ShowBook()
  {
   string line="book";
   for(int i=0; i<PositionsTotal(); i++)
     {
      ulong ticket=PositionGetTicket(i);
      line+=" "+IntegerToString((long)ticket)+"="+IntegerToString(PositionGetInteger(POSITION_IDENTIFIER))+"/"
            +IntegerToString(PositionGetInteger(POSITION_TYPE))+"/"+DoubleToString(PositionGetDouble(POSITION_VOLUME),2)+"/"
            +PositionGetString(POSITION_COMMENT)+"/"+IntegerToString(PositionGetInteger(POSITION_MAGIC));
     }
   for(int k=0; k<OrdersTotal(); k++)
     {
      ulong order=OrderGetTicket(k);
      line+=" order "+IntegerToString((long)order)+"/"+IntegerToString(OrderGetInteger(ORDER_TYPE))+"/"
            +DoubleToString(OrderGetDouble(ORDER_VOLUME_CURRENT),2);
     }
   Print(line);
  }
void ShowHistory()
  {
   HistorySelect(0,TimeCurrent()+86400);
   string line="history";
   for(int i=0; i<HistoryDealsTotal(); i++)
     {
      ulong deal=HistoryDealGetTicket(i);
      line+=" "+IntegerToString(HistoryDealGetInteger(deal,DEAL_POSITION_ID))+"/"+IntegerToString(HistoryDealGetInteger(deal,DEAL_TYPE))+"/"
            +IntegerToString(HistoryDealGetInteger(deal,DEAL_ENTRY))+"/"+DoubleToString(HistoryDealGetDouble(deal,DEAL_VOLUME),2)+"/"
            +DoubleToString(HistoryDealGetDouble(deal,DEAL_PROFIT),2)+"/"+HistoryDealGetString(deal,DEAL_COMMENT)+"/"
            +IntegerToString(HistoryDealGetInteger(deal,DEAL_REASON));
     }
   for(int k=0; k<HistoryOrdersTotal(); k++)
     {
      ulong order=HistoryOrderGetTicket(k);
      line+=" order "+IntegerToString((long)order)+"/"+IntegerToString(HistoryOrderGetInteger(order,ORDER_STATE));
     }
   Print(line);
  }
void OnChartEvent(const int id,const long &lparam,const double &dparam,const string &name)
  {
   string words[];
   StringSplit(name+",,",',',words);
   MqlTradeRequest request={};
   MqlTradeResult result={};
   if(words[0]=="show")
     {
      ShowBook();
      ShowHistory();
      return;
     }
   request.symbol=_Symbol;
   request.volume=Lots;
   request.deviation=3;
   request.type_filling=ORDER_FILLING_IOC;
   request.comment=words[1];
   request.magic=77;
   request.position=(ulong)StringToInteger(words[1]);
   if(words[0]=="buy" || words[0]=="fok")
     {
      request.action=TRADE_ACTION_DEAL;
      request.position=0;
      request.price=SymbolInfoDouble(_Symbol,SYMBOL_ASK);
      if(words[0]=="fok")
         request.type_filling=ORDER_FILLING_FOK;
     }
   if(words[0]=="limit")
     {
      request.action=TRADE_ACTION_PENDING;
      request.position=0;
      request.type=ORDER_TYPE_BUY_LIMIT;
      request.price=SymbolInfoDouble(_Symbol,SYMBOL_BID)-100*_Point;
     }
   if(words[0]=="close" || words[0]=="add")
     {
      request.action=TRADE_ACTION_DEAL;
      request.type=(words[0]=="close") ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
      request.volume=StringToDouble(words[2]);
      request.price=SymbolInfoDouble(_Symbol,SYMBOL_BID);
     }
   if(words[0]=="stops")
     {
      request.action=TRADE_ACTION_SLTP;
      request.sl=StringToDouble(words[2]);
     }
   if(words[0]=="delete")
     {
      request.action=TRADE_ACTION_REMOVE;
      request.order=request.position;
      request.position=0;
     }
   bool sent=Broker_Send(request,result);
   Print(words[0]," ",sent," ",result.retcode," order ",result.order>0," deal ",result.deal>0);
  }
