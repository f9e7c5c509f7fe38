//+------------------------------------------------------------------+
//| Guards.mqh: limits of this terminal's owner. They stand in the   |
//| way of what opens, and never of what closes or protects.         |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_GUARDS
#define EAG_GUARDS
#include "Facts.mqh"
#include "Ledger.mqh"

#define GUARD_ERROR 65600

//--- 0: no limit
struct SGuards
  {
   double            max_lots;
   int               max_open_copies;
   double            min_equity;
   int               max_spread_points;
   int               max_slippage_points;
   bool              pause_opening;
   bool              unknown;
  };
double Least(const double one,const double other)
  {
   return((one<=0 || (other>0 && other<one)) ? other : one);
  }
//--- what the gateway has told, as it stands in InitAck; "" for nothing. A limit that this program does not know is none
//--- that it could keep.
SGuards GuardsTold(const string text)
  {
   SGuards told={};
   told.max_slippage_points=-1;
   CJson json;
   uchar bytes[];
   int size=TextToBytes(text,bytes);
   if(text=="")
      return(told);
   told.unknown=!json.Parse(bytes,0,size);
   int key=told.unknown ? -1 : json.Child(0);
   while(key>=0)
     {
      string name=json.Text(key);
      int one=json.Next(key);
      long whole=0;
      string decimal="";
      bool number=json.Decimal(one,decimal);
      double amount=number ? StringToDouble(decimal) : 0.0;
      bool count=json.Integer(one,whole);
      if(name=="max_lots" && number)
         told.max_lots=amount;
      else if(name=="min_equity" && number)
         told.min_equity=amount;
      else if(name=="max_open_copies" && count)
         told.max_open_copies=(int)MathMin(whole,1000000);
      else if(name=="max_spread_points" && count)
         told.max_spread_points=(int)MathMin(whole,1000000);
      else if(name=="max_slippage_points" && count)
         told.max_slippage_points=(int)MathMin(whole,1000000);
      else if(name=="close_only")
         told.pause_opening=(told.pause_opening || json.Boolean(one,true));
      else if(json.Kind(one)!=JSON_NULL)
         told.unknown=true;
      // told as 0 nothing may be opened; an owner's own 0 is no limit
      if((number && amount<=0 && name=="max_lots") || (count && whole<=0 && (name=="max_open_copies" || name=="max_spread_points")))
         told.pause_opening=true;
      key=json.Next(one);
     }
   return(told);
  }
//--- the stricter of two
SGuards Stricter(const SGuards &own,const SGuards &told)
  {
   SGuards both=own;
   both.max_lots=Least(own.max_lots,told.max_lots);
   both.max_open_copies=(int)Least(own.max_open_copies,told.max_open_copies);
   both.min_equity=MathMax(own.min_equity,told.min_equity);
   both.max_spread_points=(int)Least(own.max_spread_points,told.max_spread_points);
   if(told.max_slippage_points>=0)
      both.max_slippage_points=MathMin(own.max_slippage_points,told.max_slippage_points);
   both.pause_opening=(own.pause_opening || told.pause_opening);
   both.unknown=told.unknown;
   return(both);
  }
//--- why an opening order may not be sent, or ""; `number` names the guard
string GuardRefuses(const SGuards &guards,CBroker *broker,const SRow &rows[],const SCommand &command,int &number)
  {
   number=1;
   if(guards.pause_opening)
      return("guard: opening is paused");
   number=2;
   if(guards.max_lots>0 && command.lots>guards.max_lots+LOTS_DUST)
      return("guard: max lots "+NumberText(guards.max_lots));
   number=3;
   int copies=0;
   for(int i=0; i<ArraySize(rows); i++)
      if(IsCopy(rows[i].magic))
         copies++;
   if(guards.max_open_copies>0 && copies>=guards.max_open_copies)
      return("guard: max open copies "+IntegerToString(guards.max_open_copies));
   number=4;
   if(guards.min_equity>0 && broker.Equity()<guards.min_equity)
      return("guard: min equity "+NumberText(guards.min_equity));
   number=5;
   STerms terms={};
   double bid=0,ask=0;
   if(guards.max_spread_points>0 && broker.Terms(command.symbol,terms) && broker.Quote(command.symbol,bid,ask)
      && ask-bid>(guards.max_spread_points+0.5)*terms.point)
      return("guard: max spread "+IntegerToString(guards.max_spread_points)+" points");
   number=6;
   if(guards.unknown)
      return("guard: the gateway names a limit that this program does not know. Update it.");
   number=0;
   return("");
  }
#endif
