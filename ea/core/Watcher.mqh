//+------------------------------------------------------------------+
//| Watcher.mqh: looks at the book, compares it with the baseline,   |
//| and writes each difference with the frame that tells it in one   |
//| record. Shared by MQL4 and MQL5.                                 |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_WATCHER
#define EAG_WATCHER
#include "Facts.mqh"
#include "Store.mqh"
#include "Random.mqh"

class CWatcher
  {
private:
   CStore           *m_store;
   CBroker          *m_broker;
   CClock           *m_clock;
   CRandom          *m_random;
   CBrokerClock     *m_times;
   CDiff             m_diff;
   SRow              m_rows[];
   SRow              m_history[];
   int               m_history_count;
   long              m_began;
   long              m_login;
   string            m_server;
   long              m_scanned;
   long              m_empty_since;
   int               m_empty_scans;
   long              m_connected_since;
   long              m_gone[];
   long              m_gone_since[];
   int               m_gone_scans[];

   bool              Read(const SRow &before[]);
   bool              Believable(const SRow &before[],const long now);
   bool              ReadHistory(const SRow &before[]);
   bool              Unmoved(void);
   bool              Vanished(const SRow &before[],const bool ended) const;
   long              Age(const SFact &fact,const long known) const;
   bool              Tell(const SFact &fact,const bool master,const long age);
   bool              TellGone(const SFact &fact,const long now);
   bool              TellBooked(void);
   bool              Booked(const SRow &row);
   long              HighestEnded(void) const;
   long              HighestDeal(void) const;
   void              Baseline(const SFact &fact,const SRow &was);
   void              Intent(const SFact &fact,const SRow &was,const long seen);
   void              Report(const SFact &fact,const SRow &was,const long seen);
   void              Filled(const SFact &fact,const long seen);
   void              PutMoney(CJsonWriter &json,const SFact &fact) const;
   SRow              Was(const long ticket) const;

public:
                     CWatcher(void);
   void              Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CBrokerClock *times);
   void              Account(const long login,const string server);
   bool              Scan(const bool master);
   int               Rows(SRow &rows[]) const;
   long              Scanned(void) const { return(m_scanned); }
   bool              Blind(void) const;
   bool              Missing(void) const { return(ArraySize(m_gone)>0); }
   datetime          OldestClose(void);
  };
CWatcher::CWatcher(void)
  {
   m_store=NULL;
   m_broker=NULL;
   m_clock=NULL;
   m_random=NULL;
   m_times=NULL;
   Account(0,"");
  }
void CWatcher::Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CBrokerClock *times)
  {
   m_store=store;
   m_broker=broker;
   m_clock=clock;
   m_random=random;
   m_times=times;
  }
//--- Whose book is looked at from now on. What was seen of another one proves nothing about it.
void CWatcher::Account(const long login,const string server)
  {
   m_began=(m_clock!=NULL) ? m_clock.Monotonic() : 0;
   m_login=login;
   m_server=server;
   m_history_count=-1;
   m_scanned=-1;
   m_empty_since=-1;
   m_empty_scans=0;
   m_connected_since=-1;
   ArrayResize(m_rows,0);
   ArrayResize(m_history,0);
   ArrayResize(m_gone,0);
   ArrayResize(m_gone_since,0);
   ArrayResize(m_gone_scans,0);
  }
int CWatcher::Rows(SRow &rows[]) const
  {
   int count=ArraySize(m_rows);
   ArrayResize(rows,count);
   for(int i=0; i<count; i++)
      rows[i]=m_rows[i];
   return(count);
  }
//--- whether the terminal, though connected, has shown for a minute nothing that can be believed
bool CWatcher::Blind(void) const
  {
   return(m_connected_since>=0 && m_clock.Monotonic()-MathMax(m_scanned,m_connected_since)>BLIND_MS);
  }
//--- how far back this terminal shows closed orders
datetime CWatcher::OldestClose(void)
  {
   datetime oldest=0;
   for(int i=0; i<ArraySize(m_history); i++)
      if(oldest==0 || m_history[i].closed<oldest)
         oldest=m_history[i].closed;
   return(oldest);
  }
//--- A list that is empty all at once proves nothing, unless the history tells of each that is missing: it waits for some
//--- seconds, and for a balance, or for half a minute: an account without money has none
bool CWatcher::Believable(const SRow &before[],const long now)
  {
   bool proven=(m_store.HasBaseline() && !Vanished(before,true));
   if(ArraySize(m_rows)>0 || proven)
     {
      m_empty_since=-1;
      m_empty_scans=0;
      return(true);
     }
   m_empty_scans++;
   if(m_empty_since<0)
      m_empty_since=now;
   bool money=(m_broker.Balance()>0 || now-m_connected_since>=CONNECTED_MS);
   return(m_empty_scans>1 && now-m_empty_since>=EMPTY_MS && money);
  }
//--- the closed orders, if there are others than before, or may be
bool CWatcher::ReadHistory(const SRow &before[])
  {
   int count=m_broker.HistoryCount();
   if(count==m_history_count && !Vanished(before,false))
      return(true);
   m_history_count=-1;
   if(!m_broker.History(m_history) || !Unmoved())
      return(false);
   m_history_count=count;
   return(true);
  }
//--- Whether the living are still those that were read before the history. What ended, or was opened and ended in part,
//--- between the two would stand in the one and be missing from the other.
bool CWatcher::Unmoved(void)
  {
   SRow again[];
   if(!m_broker.Trades(again) || ArraySize(again)!=ArraySize(m_rows))
      return(false);
   for(int i=0; i<ArraySize(again); i++)
      if(again[i].ticket!=m_rows[i].ticket || MathAbs(again[i].lots-m_rows[i].lots)>LOTS_DUST)
         return(false);
   return(true);
  }
//--- whether an order is missing from the living; `ended`: and from the closed ones, too
bool CWatcher::Vanished(const SRow &before[],const bool ended) const
  {
   for(int i=0; i<ArraySize(before); i++)
     {
      bool here=false;
      for(int k=0; k<ArraySize(m_rows) && !here; k++)
         here=(m_rows[k].ticket==before[i].ticket);
      for(int j=0; ended && j<ArraySize(m_history) && !here; j++)
         here=(m_history[j].ticket==before[i].ticket);
      if(!here)
         return(true);
     }
   return(false);
  }
//--- Both lists, of the one account: a terminal that was switched meanwhile has shown those of another
bool CWatcher::Read(const SRow &before[])
  {
   if(!m_broker.Trades(m_rows) || !ReadHistory(before) || !m_broker.Connected())
      return(false);
   return(m_broker.Login()==m_login && m_broker.Server()==m_server);
  }
//--- One look. False: it said nothing, or the journal took nothing.
bool CWatcher::Scan(const bool master)
  {
   long now=m_clock.Monotonic();
   m_times.Look(now);
   if(!m_broker.Connected())
     {
      m_empty_since=-1;
      m_connected_since=-1;
      return(false);
     }
   if(m_connected_since<0)
      m_connected_since=now;
   SRow before[];
   m_store.Rows(before);
   if(!Read(before) || !Believable(before,now))
      return(false);
   if(!m_store.HasBaseline())
     {
      for(int i=0; i<ArraySize(m_rows); i++)
         m_rows[i].position=m_rows[i].ticket;
      bool taken=m_store.TakeBaseline(m_rows,HighestEnded(),HighestDeal());
      if(taken)
         m_scanned=now;
      return(taken);
     }
   // just after a start nobody knows how old a new trade is, before the broker's clock has moved
   if(m_scanned<0 && !m_times.Fresh(now) && now-m_began<5000)
      return(false);
   SFact facts[];
   int found=m_diff.Compare(before,m_rows,m_history,m_store.ended,facts);
   long known=m_store.highest;  // as it was before this look
   bool missing=false;
   for(int k=0; k<found; k++)
     {
      bool gone=(facts[k].kind==FACT_GONE);
      missing=missing || gone;
      if(!(gone ? TellGone(facts[k],now) : Tell(facts[k],master,Age(facts[k],known))))
         return(false);
     }
   if(!TellBooked())
      return(false);
   if(!missing)
     {
      ArrayResize(m_gone,0);
      ArrayResize(m_gone_since,0);
      ArrayResize(m_gone_scans,0);
     }
   m_scanned=now;
   return(true);
  }
//--- How long ago it may have happened at most: since the last look, in a new run since the journal was left, or, if prices
//--- come, since the order's own time. `known`: the highest ticket before this look. A new one below it is listed late, so
//--- the last look says nothing of its age.
long CWatcher::Age(const SFact &fact,const long known) const
  {
   long now=m_clock.Monotonic();
   long age=(m_scanned>=0) ? now-m_scanned : m_clock.Wall()-m_store.Left();
   datetime moment=(fact.row.closed>0) ? fact.row.closed : fact.row.opened;
   long told=((long)TimeCurrent()-(long)moment+1)*1000;
   bool late=((fact.kind==FACT_OPEN || fact.kind==FACT_PLACE) && fact.ticket<known);
   if(moment>0 && late)
      age=m_times.Fresh(now) ? told : MathMax(age,told);
   else if(moment>0 && m_times.Fresh(now))
      age=MathMin(age,told);
   return(MathMax((long)0,age));
  }
SRow CWatcher::Was(const long ticket) const
  {
   SRow rows[];
   SRow none={};
   int count=m_store.Rows(rows);
   for(int i=0; i<count; i++)
      if(rows[i].ticket==ticket)
         return(rows[i]);
   return(none);
  }
//--- In neither list: wait, then leave it to the next snapshot
bool CWatcher::TellGone(const SFact &fact,const long now)
  {
   int at=0,count=ArraySize(m_gone);
   while(at<count && m_gone[at]!=fact.ticket)
      at++;
   if(at==count)
     {
      ArrayResize(m_gone,count+1);
      ArrayResize(m_gone_since,count+1);
      ArrayResize(m_gone_scans,count+1);
      m_gone[at]=fact.ticket;
      m_gone_since[at]=now;
      m_gone_scans[at]=0;
     }
   m_gone_scans[at]++;
   if(m_gone_scans[at]<GONE_SCANS || now-m_gone_since[at]<GONE_MS || now-m_connected_since<CONNECTED_MS)
      return(true);
   Alert("EA Gateway: order ",fact.ticket," is in no list any more. Set the account history to All History.");
   m_store.Begin(IntegerToString(m_clock.Wall()));
   m_store.WithoutRow(fact.ticket);
   return(m_store.Commit("O"));
  }
long CWatcher::HighestEnded(void) const
  {
   long highest=0;
   for(int i=0; i<ArraySize(m_history); i++)
      if(IsTradeType(m_history[i].type) || m_history[i].closer==0)
         highest=MathMax(highest,m_history[i].ticket);
   return(highest);
  }
//--- MetaTrader 5 counts deals apart from orders
long CWatcher::HighestDeal(void) const
  {
   long highest=0;
   for(int i=0; i<ArraySize(m_history); i++)
      if(!IsTradeType(m_history[i].type))
         highest=MathMax(highest,m_history[i].closer);
   return(highest);
  }
//--- deposits, withdrawals and credits that came since, the oldest first
bool CWatcher::TellBooked(void)
  {
   while(true)
     {
      int next=-1;
      for(int i=0; i<ArraySize(m_history); i++)
         if(!IsTradeType(m_history[i].type) && !m_store.IsBooked(m_history[i].ticket,m_history[i].closer) && (next<0 || m_history[i].ticket<m_history[next].ticket))
            next=i;
      if(next<0)
         return(true);
      if(!Booked(m_history[next]))
         return(false);
     }
  }
bool CWatcher::Booked(const SRow &row)
  {
   SRow again=row;
   SMoney money={};
   bool known=m_broker.Money(row.ticket,again,money);
   CJsonWriter json;
   json.Open("","{");
   json.Text("status","closed");
   json.Text("cause",row.type==BALANCE_TYPE ? "deposit_withdrawal" : "credit");
   json.Integer("ticket",row.ticket);
   if(known)
      PutNumber(json,"profit",money.profit);
   PutNumber(json,"balance",m_broker.Balance());
   PutNumber(json,"equity",m_broker.Equity());
   json.Text("broker_time",BrokerTime(row.opened));
   if(row.comment!="")
      json.Text("comment",CommentText(row.comment));
   json.Close("}");
   SFrame frame={};
   frame.id=m_random.Uuid(m_clock.Wall());
   frame.type="ExecutionReport";
   frame.payload=json.Result();
   frame.seen=m_clock.Wall();
   frame.aged=true;
   m_store.Begin(IntegerToString(m_clock.Wall()));
   m_store.WithFrame(frame);
   if(row.closer>0)
      m_store.WithBooked(row.closer);
   else
      m_store.WithoutRow(row.ticket);  // it is known from now on
   return(m_store.Commit("O"));
  }
//--- one fact, one record
bool CWatcher::Tell(const SFact &fact,const bool master,const long age)
  {
   SRow was=Was(fact.ticket);
   bool copy=IsCopy(fact.row.magic);
   bool ends=(fact.kind==FACT_CLOSE || fact.kind==FACT_PARTIAL || fact.kind==FACT_CANCEL);
   bool ours=(copy && ends && m_store.IsOurs(fact.row.closer>0 ? fact.row.closer : fact.ticket));
   if(copy && ends && !ours && fact.cause==CAUSE_MANUAL && m_store.ledger.ClosingInDoubt(fact.row.magic))
      return(true);  // perhaps ours: whoever asks about the doubt will say
   if(copy && ends && m_store.ledger.OpeningInDoubt(fact.row.magic))
      return(true);  // nobody has been told yet that it was opened: that comes first
   long wall=m_clock.Wall();
   m_store.Begin(IntegerToString(wall));
   if(master && fact.kind!=FACT_GROWN)
      Intent(fact,was,wall-age);
   if(copy && ends && !ours)
      Report(fact,was,wall-age);
   if(copy && (fact.kind==FACT_ACTIVATE || fact.kind==FACT_OPEN || fact.kind==FACT_GROWN))
      Filled(fact,wall-age);
   Baseline(fact,was);
   return(m_store.Commit("O"));
  }
//--- what the baseline is after it
void CWatcher::Baseline(const SFact &fact,const SRow &was)
  {
   SRow row=fact.row;
   row.position=fact.position;
   row.closed=0;
   if(fact.kind==FACT_CLOSE || fact.kind==FACT_CANCEL)
      m_store.WithoutRow(fact.ticket);
   else if(fact.kind==FACT_PARTIAL && fact.new_ticket==0)
     {
      row=was;
      row.lots=was.lots-fact.lots;
      m_store.WithRow(row);
     }
   else if(fact.kind==FACT_PARTIAL)
     {
      m_store.WithoutRow(fact.ticket);
      row=was;
      row.ticket=fact.new_ticket;
      row.position=fact.position;
      row.lots=was.lots-fact.lots;
      m_store.WithRow(row);
     }
   else
     {
      if(fact.kind==FACT_OPEN || fact.kind==FACT_PLACE || fact.kind==FACT_ACTIVATE)
         row.lots=fact.lots;
      m_store.WithRow(row);
     }
  }
void CWatcher::PutMoney(CJsonWriter &json,const SFact &fact) const
  {
   SRow row=fact.row;
   SMoney money={};
   if(!IsWorkingType(fact.row.type) && m_broker.Money(fact.ticket,row,money) && row.closed>0)
     {
      PutNumber(json,"profit",money.profit);
      PutNumber(json,"swap",money.swap);
      PutNumber(json,"commission",money.commission);
     }
  }
//--- what a master tells
void CWatcher::Intent(const SFact &fact,const SRow &was,const long seen)
  {
   string names[]={"open","place","activate","modify","close","partial_close","cancel",""};
   bool ends=(fact.kind==FACT_CLOSE || fact.kind==FACT_PARTIAL || fact.kind==FACT_CANCEL);
   CJsonWriter json;
   json.Open("","{");
   json.Text("action",names[(int)fact.kind]);
   json.Integer("position_id",fact.position);
   json.Integer("ticket",fact.ticket);
   if(fact.new_ticket>0)
      json.Integer("new_ticket",fact.new_ticket);
   if(fact.ticket!=fact.position)
      json.Integer("parent_ticket",fact.position);
   json.Text("symbol",fact.row.symbol);
   json.Text("side",SideOf(fact.row.type));
   json.Text("order_type",OrderTypeOf(fact.row.type));
   if(fact.kind!=FACT_MODIFY)
      PutNumber(json,"lots",fact.lots);
   if(fact.kind==FACT_PARTIAL)
      PutNumber(json,"remaining_lots",was.lots-fact.lots);
   PutNumber(json,"price",(fact.kind==FACT_CLOSE || fact.kind==FACT_PARTIAL) ? fact.row.close_price : fact.row.price);
   if(!ends)
     {
      PutNumber(json,"sl",fact.row.sl);
      PutNumber(json,"tp",fact.row.tp);
      string expiry=IsWorkingType(fact.row.type) ? m_times.Utc(fact.row.expiry) : "";
      if(expiry!="")
         json.Text("expiry",expiry);
     }
   json.Integer("magic",fact.row.magic);
   json.Text("comment",CommentText(fact.row.comment));
   if(ends)
     {
      json.Text("close_reason",CauseText(fact.cause));
      PutMoney(json,fact);
     }
   PutNumber(json,"balance",m_broker.Balance());
   PutNumber(json,"equity",m_broker.Equity());
   json.Text("broker_time",BrokerTime(ends && fact.row.closed>0 ? fact.row.closed : fact.row.opened));
   json.Close("}");
   SFrame frame={};
   frame.id=m_random.Uuid(m_clock.Wall());
   frame.type="OrderIntent";
   frame.payload=json.Result();
   frame.seen=seen;
   frame.aged=true;
   m_store.WithFrame(frame);
  }
//--- what became of a copy without a command
void CWatcher::Report(const SFact &fact,const SRow &was,const long seen)
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("status",fact.kind==FACT_CANCEL ? (fact.cause==CAUSE_EXPIRY ? "expired" : "cancelled") : "closed");
   json.Integer("copy_no",CopyNumber(fact.row.magic));
   json.Text("cause",CauseText(fact.cause));
   json.Integer("ticket",fact.ticket);
   if(fact.new_ticket>0)
      json.Integer("new_ticket",fact.new_ticket);
   json.Text("side",SideOf(fact.row.type));
   PutNumber(json,"lots",fact.lots);
   if(fact.kind!=FACT_CANCEL)
     {
      PutNumber(json,"remaining_lots",fact.kind==FACT_PARTIAL ? was.lots-fact.lots : 0.0);
      PutNumber(json,"price",fact.row.close_price);
      PutMoney(json,fact);
     }
   PutNumber(json,"balance",m_broker.Balance());
   PutNumber(json,"equity",m_broker.Equity());
   json.Text("broker_time",BrokerTime(fact.row.closed));
   json.Close("}");
   SFrame frame={};
   frame.id=m_random.Uuid(m_clock.Wall());
   frame.type="ExecutionReport";
   frame.payload=json.Result();
   frame.seen=seen;
   frame.aged=true;
   m_store.WithFrame(frame);
  }
//--- A copied pending order has become a position, perhaps before it was ever seen pending: the outcome of the command that
//--- placed it. A position that a command opened is no news.
void CWatcher::Filled(const SFact &fact,const long seen)
  {
   for(int i=m_store.ledger.Count()-1; i>=0; i--)
     {
      SEntry entry={};
      m_store.ledger.At(i,entry);
      if(entry.command.magic!=fact.row.magic || !IsOpening(entry.command.action))
         continue;
      if(entry.command.action!="place" || entry.state!="D")
         return;
      CJsonWriter json;
      json.Open("","{");
      json.Text("status",fact.lots<entry.command.lots-LOTS_DUST ? "partially_filled" : "filled");
      json.Text("command_id",entry.command.id);
      json.Integer("copy_no",entry.command.copy_no);
      json.Integer("attempt",entry.command.attempt);
      json.Integer("ticket",fact.ticket);
      json.Text("side",SideOf(fact.row.type));
      PutNumber(json,"lots",fact.lots);
      PutNumber(json,"price",fact.row.price);
      PutNumber(json,"sl",fact.row.sl);
      PutNumber(json,"tp",fact.row.tp);
      json.Text("broker_time",BrokerTime(fact.row.opened));
      json.Close("}");
      SFrame frame={};
      frame.id=m_random.Uuid(m_clock.Wall());
      frame.type="ExecutionReport";
      frame.payload=json.Result();
      frame.seen=seen;
      frame.aged=true;
      m_store.WithFrame(frame);
      return;
     }
  }
#endif
