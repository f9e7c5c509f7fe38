//+------------------------------------------------------------------+
//| Diff.mqh: two books and the history between them, as facts.      |
//| Pure: it asks no terminal. Shared by MQL4 and MQL5.              |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_DIFF
#define EAG_DIFF
#include "Ended.mqh"
#include "Lineage.mqh"

enum EFact { FACT_OPEN, FACT_PLACE, FACT_ACTIVATE, FACT_MODIFY, FACT_CLOSE, FACT_PARTIAL, FACT_CANCEL, FACT_GONE, FACT_GROWN };
enum ECause { CAUSE_MANUAL, CAUSE_STOP_LOSS, CAUSE_TAKE_PROFIT, CAUSE_STOP_OUT, CAUSE_CLOSE_BY, CAUSE_EXPIRY };

//--- `row`: the order as it is now, or as it was closed. `lots`: opened or closed. FACT_GONE: in neither list; wait.
//--- FACT_GROWN: more of a pending order has filled, `lots` in all; MetaTrader 5 only.
struct SFact
  {
   EFact             kind;
   long              position;
   long              ticket;
   long              new_ticket;
   double            lots;
   ECause            cause;
   SRow              row;
  };

class CDiff
  {
private:
   SRow              m_before[];
   SRow              m_after[];
   SRow              m_history[];
   bool              m_taken_after[];
   bool              m_taken_history[];

   int               FindTicket(const SRow &rows[],const long ticket) const;
   void              Vanished(const SRow &row,SFact &facts[]);
   bool              Rest(const SRow &whole,const SRow &closed,SRow &rest);
   int               Best(const SRow &rows[],const bool &taken[],const SRow &whole,const double part,int &strength) const;
   void              Changed(const SRow &was,const SRow &now,SFact &facts[]);
   double            Closings(const SRow &row,const double left,SFact &facts[]);
   void              Born(const long ticket,SFact &facts[]);
   int               FirstClosing(const long ticket,const double lots) const;
   double            Whole(const SRow &row) const;
   int               NextBorn(const CEnded &ended) const;
   void              BornAndGone(const CEnded &ended,SFact &facts[]);
   void              Add(SFact &facts[],const EFact kind,const SRow &row,const long position,const double lots,const long rest) const;
   ECause            CauseOf(const SRow &closed) const;
   void              Take(const SRow &before[],const SRow &after[],const SRow &history[]);

public:
   int               Compare(const SRow &before[],SRow &after[],const SRow &history[],const CEnded &ended,SFact &facts[]);
  };
//--- The facts in an order in which they can be told; `after` gets its positions. The number of facts.
//--- `ended`: the tickets whose end was told, or was no news.
int CDiff::Compare(const SRow &before[],SRow &after[],const SRow &history[],const CEnded &ended,SFact &facts[])
  {
   ArrayResize(facts,0);
   Take(before,after,history);
   for(int i=0; i<ArraySize(m_before); i++)
     {
      int now=FindTicket(m_after,m_before[i].ticket);
      if(now<0)
         Vanished(m_before[i],facts);
      else
        {
         m_after[now].position=m_before[i].position;
         m_taken_after[now]=true;
         Changed(m_before[i],m_after[now],facts);
        }
     }
   BornAndGone(ended,facts);
   for(int k=0; k<ArraySize(m_after); k++)
     {
      if(!m_taken_after[k])
        {
         SRow born=m_after[k];
         born.position=born.ticket;
         m_after[k].position=born.ticket;
         if(!ended.Knows(born.ticket))
            born.lots=Whole(born);
         Add(facts,IsWorkingType(born.type) ? FACT_PLACE : FACT_OPEN,born,born.position,born.lots,0);
         Closings(born,m_after[k].lots,facts);
        }
      after[k].position=m_after[k].position;
     }
   return(ArraySize(facts));
  }
void CDiff::Take(const SRow &before[],const SRow &after[],const SRow &history[])
  {
   int b=ArraySize(before),a=ArraySize(after),h=ArraySize(history);
   ArrayResize(m_before,b);
   ArrayResize(m_after,a);
   ArrayResize(m_history,h);
   ArrayResize(m_taken_after,a);
   ArrayResize(m_taken_history,h);
   for(int i=0; i<b; i++)
      m_before[i]=before[i];
   for(int k=0; k<a; k++)
     {
      m_after[k]=after[k];
      m_after[k].position=0;
      m_taken_after[k]=false;
     }
   for(int j=0; j<h; j++)
     {
      m_history[j]=history[j];
      m_taken_history[j]=false;
     }
  }
int CDiff::FindTicket(const SRow &rows[],const long ticket) const
  {
   for(int i=0; i<ArraySize(rows); i++)
      if(rows[i].ticket==ticket && IsTradeType(rows[i].type))
         return(i);
   return(-1);
  }
void CDiff::Add(SFact &facts[],const EFact kind,const SRow &row,const long position,const double lots,const long rest) const
  {
   int n=ArraySize(facts);
   ArrayResize(facts,n+1,64);
   facts[n].kind=kind;
   facts[n].position=position;
   facts[n].ticket=row.ticket;
   facts[n].new_ticket=rest;
   facts[n].lots=lots;
   facts[n].cause=(row.closed>0) ? CauseOf(row) : CAUSE_MANUAL;
   facts[n].row=row;
  }
ECause CDiff::CauseOf(const SRow &closed) const
  {
   string comment=closed.comment;
   StringToLower(comment);
   if(StringFind(comment,"[sl]")>=0)
      return(CAUSE_STOP_LOSS);
   if(StringFind(comment,"[tp]")>=0)
      return(CAUSE_TAKE_PROFIT);
   if(StringFind(comment,"so:")>=0)
      return(CAUSE_STOP_OUT);
   if(StringFind(comment,"close hedge by #")>=0)
      return(CAUSE_CLOSE_BY);
   if(StringFind(comment,"expiration")>=0)
      return(CAUSE_EXPIRY);
   return(CAUSE_MANUAL);
  }
//--- A ticket that is no more: follow what is left of it until it lives, or has ended.
void CDiff::Vanished(const SRow &row,SFact &facts[])
  {
   SRow whole=row;
   while(true)
     {
      int at=FindTicket(m_history,whole.ticket);
      if(at<0)
        {
         Add(facts,FACT_GONE,whole,row.position,whole.lots,0);
         return;
        }
      SRow closed=m_history[at];
      m_taken_history[at]=(closed.closer==0);
      whole.symbol=closed.symbol;  // a broker may have renamed it
      if(IsWorkingType(closed.type))
        {
         Add(facts,FACT_CANCEL,closed,row.position,closed.lots,0);
         return;
        }
      if(IsWorkingType(whole.type))
        {
         whole.type=closed.type;
         whole.price=closed.price;
         whole.opened=closed.opened;
         Add(facts,FACT_ACTIVATE,whole,row.position,whole.lots,0);
        }
      if(closed.closer>0)
        {
         whole.lots=Closings(whole,0,facts);
         if(whole.lots>LOTS_DUST)
            Add(facts,FACT_GONE,whole,row.position,whole.lots,0);
         return;
        }
      SRow rest;
      if(!Rest(whole,closed,rest))
        {
         Add(facts,FACT_CLOSE,closed,row.position,closed.lots,0);
         return;
        }
      Add(facts,FACT_PARTIAL,closed,row.position,closed.lots,rest.ticket);
      int lives=FindTicket(m_after,rest.ticket);
      if(lives>=0)
        {
         m_after[lives].position=row.position;
         return;
        }
      // it was closed as well: its history tells the part, so what it was is the sum
      rest.lots=whole.lots-closed.lots;
      whole=rest;
     }
  }
//--- What was closed of a position that had `row.lots`, down to `left`, as far as the history tells. The lots that it leaves.
double CDiff::Closings(const SRow &row,const double left,SFact &facts[])
  {
   double lots=row.lots;
   while(lots>left+LOTS_DUST)
     {
      int next=-1;
      for(int i=0; i<ArraySize(m_history); i++)
        {
         if(m_history[i].ticket!=row.ticket || m_history[i].closer==0 || !IsTradeType(m_history[i].type))
            continue;
         m_taken_history[i]=true;
         bool since=(m_history[i].left<lots-LOTS_DUST && m_history[i].left>left-LOTS_DUST);
         if(since && (next<0 || m_history[i].left>m_history[next].left))
            next=i;
        }
      if(next<0)
         return(lots);
      double after=m_history[next].left;
      Add(facts,after>LOTS_DUST ? FACT_PARTIAL : FACT_CLOSE,m_history[next],row.position,lots-after,0);
      lots=after;
     }
   return(lots);
  }
//--- What goes on from a closed ticket: the surest of what is new, living or closed
bool CDiff::Rest(const SRow &whole,const SRow &closed,SRow &rest)
  {
   if(closed.lots>whole.lots-LOTS_DUST)
      return(false);
   int here=0,there=0;
   int lives=Best(m_after,m_taken_after,whole,closed.lots,here);
   int ended=Best(m_history,m_taken_history,whole,closed.lots,there);
   if(lives>=0 && here>=there)
     {
      rest=m_after[lives];
      m_taken_after[lives]=true;
      return(true);
     }
   if(ended>=0)
      rest=m_history[ended];
   return(ended>=0);
  }
int CDiff::Best(const SRow &rows[],const bool &taken[],const SRow &whole,const double part,int &strength) const
  {
   int best=-1;
   strength=0;
   for(int i=0; i<ArraySize(rows); i++)
     {
      if(taken[i] || FindTicket(m_before,rows[i].ticket)>=0)
         continue;
      SRow rest=rows[i];
      if(rest.closed>0 && rest.lots<=whole.lots-part+LOTS_DUST)
         rest.lots=whole.lots-part;  // closed itself: its history has the part that was closed of it
      int found=LineageStrength(rest,whole,part);
      if(found>strength || (found==strength && found>0 && rows[i].ticket<rows[best].ticket))
        {
         best=i;
         strength=found;
        }
     }
   return(best);
  }
//--- Of the closings of a position the one before which it had the most lots, if these are more than `lots`; else -1.
//--- MetaTrader 5 only: in MetaTrader 4 the rest has another ticket.
int CDiff::FirstClosing(const long ticket,const double lots) const
  {
   int first=-1;
   double most=lots;
   for(int i=0; i<ArraySize(m_history); i++)
     {
      if(m_history[i].ticket!=ticket || m_history[i].closer==0 || !IsTradeType(m_history[i].type))
         continue;
      if(m_history[i].left+m_history[i].lots<=most+LOTS_DUST)
         continue;
      most=m_history[i].left+m_history[i].lots;
      first=i;
     }
   return(first);
  }
//--- What a position was that lives and that nobody has seen yet: a part of it may be closed already.
double CDiff::Whole(const SRow &row) const
  {
   int first=(row.closer>0) ? FirstClosing(row.ticket,row.lots) : -1;
   return(first<0 ? row.lots : m_history[first].left+m_history[first].lots);
  }
void CDiff::Changed(const SRow &was,const SRow &now,SFact &facts[])
  {
   SRow row=was;
   if(IsWorkingType(was.type) && !IsWorkingType(now.type))
     {
      SRow born=now;
      born.position=was.position;
      born.lots=Whole(now);
      Add(facts,FACT_ACTIVATE,born,was.position,born.lots,0);
      row.price=now.price;
      Closings(born,now.lots,facts);
     }
   else if(now.lots>was.lots+LOTS_DUST && !IsWorkingType(now.type))
      Add(facts,FACT_GROWN,now,was.position,now.lots,0);
   else if(now.closer>0)
      Closings(was,now.lots,facts);
   else if(now.lots<was.lots-LOTS_DUST)
      Add(facts,FACT_PARTIAL,now,was.position,was.lots-now.lots,0);
   bool moved=IsWorkingType(now.type) && (!SamePrice(row.price,now.price,now.point) || row.expiry!=now.expiry);
   if(moved || !SamePrice(row.sl,now.sl,now.point) || !SamePrice(row.tp,now.tp,now.point))
      Add(facts,FACT_MODIFY,now,was.position,now.lots,0);
  }
//--- A position that was opened and closed by some orders: what it was before the first of them
void CDiff::Born(const long ticket,SFact &facts[])
  {
   int first=FirstClosing(ticket,0);
   if(first<0)
      return;  // no lots were closed of it
   SRow born=m_history[first];
   born.lots+=born.left;
   born.closed=0;
   born.position=ticket;
   Add(facts,FACT_OPEN,born,ticket,born.lots,0);
   Closings(born,0,facts);
  }
//--- Opened and ended between two looks, and not followed from another ticket: the lowest, for a rest has a higher one
int CDiff::NextBorn(const CEnded &ended) const
  {
   int next=-1;
   for(int i=0; i<ArraySize(m_history); i++)
     {
      if(m_taken_history[i] || (next>=0 && m_history[i].ticket>=m_history[next].ticket))
         continue;
      if(ended.Knows(m_history[i].ticket) || !IsTradeType(m_history[i].type))
         continue;
      if(FindTicket(m_before,m_history[i].ticket)<0 && FindTicket(m_after,m_history[i].ticket)<0)
         next=i;
     }
   return(next);
  }
//--- Opened and ended between two looks. The ticket may lie below others that are known: lists come late. In order of
//--- tickets: a rest that was closed in part itself no longer says what it is the rest of.
void CDiff::BornAndGone(const CEnded &ended,SFact &facts[])
  {
   for(int i=NextBorn(ended); i>=0; i=NextBorn(ended))
     {
      m_taken_history[i]=true;
      if(m_history[i].closer>0)
        {
         Born(m_history[i].ticket,facts);
         continue;
        }
      if(TicketInComment(m_history[i].comment,"from #")!=0)
         continue;  // the rest of one that was born and gone: it is followed from there
      SRow row=m_history[i];
      row.position=row.ticket;
      long to=TicketInComment(row.comment,"to #");
      int rest=(to>0) ? FindTicket(m_after,to) : -1;
      while(to>0 && rest<0)
        {
         int next=FindTicket(m_history,to);
         if(next<0)
            break;
         row.lots+=m_history[next].lots;
         to=TicketInComment(m_history[next].comment,"to #");
         rest=(to>0) ? FindTicket(m_after,to) : -1;
        }
      if(rest>=0)
         row.lots+=m_after[rest].lots;
      SRow born=row;
      born.closed=0;
      Add(facts,IsWorkingType(row.type) ? FACT_PLACE : FACT_OPEN,born,row.position,row.lots,0);
      Vanished(born,facts);
     }
  }
#endif
