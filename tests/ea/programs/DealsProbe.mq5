//--- What the history of a MetaTrader 5 is as rows, and what each closing has booked, when a button is clicked.
#property strict
#include <Deals.mqh>
int OnInit()
  {
   return(EventSetMillisecondTimer(20) ? INIT_SUCCEEDED : INIT_FAILED);
  }
void OnTimer()
  {
  }
string Number(const double value,const int digits)
  {
   return(DoubleToString(value,digits));
  }
void OnChartEvent(const int id,const long &lparam,const double &dparam,const string &name)
  {
   CDeals deals;
   SRow rows[];
   if(!deals.All(rows))
      Print("unreadable");
   for(int i=0; i<ArraySize(rows); i++)
     {
      SRow row=rows[i];
      SMoney money={};
      bool known=(row.type>5) ? CDeals::Booked(row.ticket,row,money) : deals.Closing(row.ticket,row.closer,row,money);
      Print("row ",IntegerToString(row.ticket)," ",row.type," ",Number(row.lots,2)," left ",Number(row.left,2)," at ",Number(row.close_price,5),
            " by ",IntegerToString(row.closer)," of ",IntegerToString(row.magic)," '",row.comment,"' ",known ? "booked " : "not booked ",
            Number(money.profit,2)," ",Number(money.swap,2)," ",Number(money.commission,2));
     }
   Print("done");
  }
