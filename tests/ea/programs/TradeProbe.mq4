//--- A naive program that trades when a button is clicked: its name is the order. It shows what it sees.
#property strict
input double Lots=0.10;
input int    Slippage=3;
int g_timers=0;
int OnInit()
  {
   if(!EventSetMillisecondTimer(20))
      return(INIT_FAILED);
   Print("started ",AccountServer(),":",IntegerToString(Login())," build ",TerminalInfoInteger(TERMINAL_BUILD));
   return(INIT_SUCCEEDED);
  }
int Login()
  {
   return((int)AccountInfoInteger(ACCOUNT_LOGIN));
  }
void OnDeinit(const int reason)
  {
   Print("deinit ",reason," ",UninitializeReason()," timers ",g_timers>0);
  }
void OnTimer()
  {
   g_timers++;
  }
void OnTick()
  {
   Print("tick ",DoubleToString(Bid,Digits));
  }
void Show(const int pool)
  {
   int total=(pool==MODE_TRADES) ? OrdersTotal() : OrdersHistoryTotal();
   string line=(pool==MODE_TRADES) ? "trades" : "history";
   for(int i=0; i<total; i++)
      if(OrderSelect(i,SELECT_BY_POS,pool))
         line+=" "+IntegerToString(OrderTicket())+"/"+IntegerToString(OrderType())+"/"+DoubleToString(OrderLots(),2)+"/"+OrderComment();
   Print(line);
  }
void OnChartEvent(const int id,const long &lparam,const double &dparam,const string &name)
  {
   string words[];
   StringSplit(name+",,",',',words);
   long ticket=StringToInteger(words[1]);
   int sent=0;
   ResetLastError();
   if(words[0]=="buy")
      sent=Broker_Send(OP_BUY,Ask,words[1]);
   if(words[0]=="limit")
      sent=Broker_Send(OP_BUYLIMIT,Bid-100*Point,words[1]);
   if(words[0]=="close")
      sent=Broker_Close((int)ticket,StringToDouble(words[2])) ? 0 : -1;
   if(words[0]=="stops")
      sent=Broker_Modify((int)ticket,StringToDouble(words[2])) ? 0 : -1;
   if(words[0]=="show")
     {
      Show(MODE_TRADES);
      Show(MODE_HISTORY);
      return;
     }
   int error=GetLastError();
   Print(words[0]," ",sent," error ",error);
  }
#include "TradeProbeBroker.mqh"
