//+------------------------------------------------------------------+
//| Lineage.mqh: which ticket goes on from which. A partial close    |
//| ends a ticket and leaves the rest under a new one; brokers tell  |
//| it in comments, and rewrite or erase comments.                   |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_LINEAGE
#define EAG_LINEAGE
#include "Text.mqh"

#define LOTS_DUST 0.0000001
#define BALANCE_TYPE 6
#define CREDIT_TYPE 7

//--- One order as the terminal shows it. `closed` is 0 while it lives; `lots` of a closed one are the lots closed.
//--- `position` names the lineage: the first ticket of it. `point`: the symbol's, 0 if not known.
//--- MetaTrader 5 only: a position keeps its ticket, and each closing of it is a row of the history. `closer`: the order that
//--- closed it, of what lives its own ticket, of money the deal; `left`: the lots that were left of the position.
struct SRow
  {
   long              ticket;
   int               type;
   string            symbol;
   double            lots;
   double            price;
   datetime          opened;
   double            sl;
   double            tp;
   datetime          expiry;
   datetime          closed;
   double            close_price;
   long              magic;
   string            comment;
   long              position;
   double            point;
   long              closer;
   double            left;
  };

bool IsWorkingType(const int type)
  {
   return(type>=2 && type<=5);
  }
bool IsTradeType(const int type)
  {
   return(type>=0 && type<=5);
  }
//--- the ticket behind a mark like "from #"; 0 if the comment has none
long TicketInComment(const string comment,const string mark)
  {
   int at=StringFind(comment,mark);
   if(at<0)
      return(0);
   int first=at+StringLen(mark);
   int end=first;
   while(end<StringLen(comment) && IsDigit(comment,end))
      end++;
   long ticket=0;
   if(end==first || !IntegerValue(StringSubstr(comment,first,end-first),ticket))
      return(0);
   return(ticket);
  }
bool SamePrice(const double a,const double b,const double point)
  {
   return(MathAbs(a-b)<=(point>0 ? point/2 : 0.00000001));
  }
//--- What a rest keeps of the order that it is the rest of. Not its symbol, which a broker may rename.
bool SameOrigin(const SRow &rest,const SRow &whole)
  {
   return(rest.type==whole.type && rest.opened==whole.opened && SamePrice(rest.price,whole.price,whole.point));
  }
//--- How sure it is that `rest` goes on from `whole`, of which `part` lots were closed:
//--- 0 no; 1 by its figures alone; 2 the comment says it and the figures agree. A comment alone proves nothing.
int LineageStrength(const SRow &rest,const SRow &whole,const double part)
  {
   if(rest.ticket<=whole.ticket || !SameOrigin(rest,whole))
      return(0);
   long told=TicketInComment(rest.comment,"from #");
   if(told==whole.ticket)
      return(2);
   if(told!=0)
      return(0);
   if(rest.symbol!=whole.symbol || rest.magic!=whole.magic || MathAbs(rest.lots+part-whole.lots)>LOTS_DUST)
      return(0);
   return(1);
  }
#endif
