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
  };
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
   number=0;
   return("");
  }
#endif
