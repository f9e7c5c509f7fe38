//+------------------------------------------------------------------+
//| Executor.mqh: carries out commands, one at a time, those of a    |
//| copy in their order. Each is written down before it is sent; one |
//| whose outcome nobody knows is never sent again: the broker is    |
//| asked. What was read or sent while the terminal was switched to  |
//| another account is no outcome. Shared by MQL4 and MQL5.          |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_EXECUTOR
#define EAG_EXECUTOR
#include "Errors.mqh"
#include "Guards.mqh"
#include "Looking.mqh"
#include "Store.mqh"
#include "Random.mqh"

#define UNSUPPORTED 65590

class CExecutor
  {
private:
   CStore           *m_store;
   CBroker          *m_broker;
   CClock           *m_clock;
   CRandom          *m_random;
   CBrokerClock     *m_times;
   CLook             m_look;
   long              m_ours[];
   long              m_waiting_since;
   long              m_login;
   string            m_server;
   double            m_call_ms;

   bool              Here(void);
   bool              CarryOut(const int place);
   bool              Order(const int place,SEntry &entry);
   bool              MayOpen(const int place,SEntry &entry);
   bool              Settle(const int place);
   bool              MayBeLate(const int place,SEntry &entry,const SReport &report);
   int               Do(const SCommand &command,SReport &report);
   int               Open(const SCommand &command,SReport &report);
   int               OpenWithout(SOrder &order,const SCommand &command);
   int               Place(const SCommand &command,SReport &report);
   int               Modify(const SCommand &command,SReport &report);
   int               Close(const SCommand &command,SReport &report);
   int               CloseOne(const SRow &row,const double lots,SReport &report);
   void              Rest(const SRow &whole,const double lots,SReport &report);
   bool              Postpone(const int place,SEntry &entry,const int error);
   void              Wait(const int place,SEntry &entry,const long milliseconds);
   bool              Finish(const SEntry &entry,SReport &report,const bool refused);
   bool              Finish1(const SEntry &entry,const string status,const int error,const string comment);
   void              Frame(const SEntry &entry,const SReport &report,SFrame &frame);
   string            Name(const SEntry &entry) const { return(entry.command.id+" "+IntegerToString(entry.command.attempt)); }
   bool              Expired(const SCommand &command);

public:
   SGuards           guards;
   string            last;
   string            guard_said;

                     CExecutor(void);
   void              Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CBrokerClock *times);
   bool              Step(void);
   void              Account(const long login,const string server) { m_login=login; m_server=server; }
   long              WaitingSince(void) const { return(m_waiting_since); }
   long              BusyFor(void);
  };
CExecutor::CExecutor(void)
  {
   m_store=NULL;
   m_broker=NULL;
   m_clock=NULL;
   m_random=NULL;
   m_times=NULL;
   m_waiting_since=-1;
   m_login=0;
   m_server="";
   m_call_ms=0;
   last="";
   guard_said="";
  }
void CExecutor::Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CBrokerClock *times)
  {
   m_store=store;
   m_broker=broker;
   m_clock=clock;
   m_random=random;
   m_times=times;
   m_look.Begin(broker);
  }
//--- One question about a doubt, and one command. False: nothing was to be done, or nothing could be written.
bool CExecutor::Step(void)
  {
   long now=m_clock.Monotonic();
   bool asked=false,done=false;
   int doubt=m_store.ledger.InDoubt(now);
   if(doubt>=0)
      asked=Settle(doubt);
   int ready=m_store.ledger.Ready(now);
   if(ready>=0)
      done=CarryOut(ready);
   return(asked || done);
  }
//--- whether the terminal is still logged in to the account whose commands these are
bool CExecutor::Here(void)
  {
   return(m_broker.Login()==m_login && m_broker.Server()==m_server);
  }
//--- how long the terminal will hear nobody, if an order is about to be sent to a broker whose calls are slow; else 0
long CExecutor::BusyFor(void)
  {
   if(m_call_ms<SLOW_CALL_MS || m_store.ledger.Ready(m_clock.Monotonic())<0)
      return(0);
   return(MathMin((long)BUSY_MOST_MS,(long)(4*m_call_ms)+BUSY_SPARE_MS));
  }
bool CExecutor::Expired(const SCommand &command)
  {
   return(IsOpening(command.action) && command.valid_until>0 && m_clock.Server()>command.valid_until);
  }
void CExecutor::Wait(const int place,SEntry &entry,const long milliseconds)
  {
   entry.not_before=m_clock.Monotonic()+milliseconds;
   m_store.ledger.Set(place,entry);
  }
//--- The oldest command that may be
bool CExecutor::CarryOut(const int place)
  {
   SEntry entry={};
   m_store.ledger.At(place,entry);
   SReport report={};
   if(Expired(entry.command))
      return(Finish1(entry,"expired",0,""));
   if(!m_broker.Hedging())
      return(Finish1(entry,"rejected",149,MarketSentence(149)));
   // what is opened before the first look at the book, and has ended by then, counts as old and is told to nobody
   if(IsOpening(entry.command.action) && !m_store.HasBaseline())
     {
      Wait(place,entry,200);
      return(false);
     }
   if(!m_broker.Connected() || !m_broker.TradeAllowed() || m_broker.Busy())
     {
      if(m_waiting_since<0)
         m_waiting_since=m_clock.Monotonic();
      Wait(place,entry,200);
      return(false);
     }
   m_waiting_since=-1;
   if(!m_look.Read(entry.command))
     {
      Wait(place,entry,200);
      return(false);
     }
   ELook seen=m_look.At(entry.command,report);
   if(seen==LOOK_BLIND)
     {
      Wait(place,entry,SEARCH_PAUSE_MS);
      return(false);
     }
   if(seen==LOOK_DONE)
     {
      if(MayBeLate(place,entry,report))
         return(false);
      report.already=true;
      return(Finish(entry,report,false));
     }
   if(IsOpening(entry.command.action) && !MayOpen(place,entry))
      return(true);
   return(Order(place,entry));
  }
//--- Written down, sent, and its outcome written down. An order after which another account is logged in stays in doubt: what
//--- the terminal shows now is not this account's.
bool CExecutor::Order(const int place,SEntry &entry)
  {
   if(entry.first_try==0)
      entry.first_try=m_clock.Monotonic();
   m_store.ledger.Set(place,entry);
   if(!Here() || !m_store.Write("S",Name(entry)+" 0 "+IntegerToString(m_clock.Wall())))
      return(false);
   m_store.ledger.At(place,entry);
   long began=m_clock.Monotonic();
   ArrayResize(m_ours,0);
   SReport report={};
   ClearReport(report,"");
   int error=Do(entry.command,report);
   report.took=m_clock.Monotonic()-began;
   m_call_ms=(m_call_ms>0) ? (3*m_call_ms+(double)report.took)/4 : (double)report.took;
   if(!Here())
      return(false);
   if(error==0)
      return(Finish(entry,report,false));
   if(IsUnknownOutcome(error))
     {
      entry.since=m_clock.Wall();
      m_store.ledger.Set(place,entry);
      return(Settle(place));
     }
   if(Postpone(place,entry,error))
      return(true);
   return(Finish1(entry,"rejected",error,MarketSentence(error)));
  }
//--- what stands in the way of an opening order, and is told so
bool CExecutor::MayOpen(const int place,SEntry &entry)
  {
   if(m_store.ledger.Tries(entry.command)>=OPENING_TRIES)
     {
      Finish1(entry,"rejected",0,"tried three times without an outcome");
      return(false);
     }
   SRow rows[];
   int number=0;
   if(!m_broker.Trades(rows))
     {
      Wait(place,entry,200);
      return(false);
     }
   string why=GuardRefuses(guards,m_broker,rows,entry.command,number);
   if(why=="")
      return(true);
   guard_said=why;
   Finish1(entry,"rejected",GUARD_ERROR+number,why);
   return(false);
  }
//--- The broker has refused it: perhaps again, at once or soon. False: it is refused for good.
bool CExecutor::Postpone(const int place,SEntry &entry,const int error)
  {
   EMarket class_of=MarketClass(error);
   long now=m_clock.Monotonic();
   bool again=(class_of==MARKET_PRICE && entry.refusals<PRICE_TRIES)
              || (class_of==MARKET_BUSY && now-entry.first_try<RETRY_MS);
   if(!again || Expired(entry.command))
      return(false);
   int refusals=entry.refusals+1;
   if(!m_store.Write("Q",Name(entry)+" "+IntegerToString(error)))
      return(true);
   m_store.ledger.At(place,entry);
   entry.refusals=refusals;
   Wait(place,entry,class_of==MARKET_PRICE ? 0 : RETRY_PAUSE_MS);
   return(true);
  }
//--- What is to be closed stands in neither list: it may be closed, or so new that the broker does not list it yet. A report
//--- that it is closed would leave it open for good, so it is looked for a while longer.
bool CExecutor::MayBeLate(const int place,SEntry &entry,const SReport &report)
  {
   if(!report.nowhere)
      return(false);
   long now=m_clock.Monotonic();
   if(entry.nowhere==0)
      entry.nowhere=now;
   m_store.ledger.Set(place,entry);
   if(now-entry.nowhere>=NOWHERE_MS)
      return(false);
   Wait(place,entry,SEARCH_PAUSE_MS);
   return(true);
  }
//--- An order of which nobody knows the outcome. What is there ends it; absence only when the window is over.
bool CExecutor::Settle(const int place)
  {
   SEntry entry={};
   m_store.ledger.At(place,entry);
   SReport report={};
   ELook seen=m_look.Read(entry.command) ? m_look.At(entry.command,report) : LOOK_BLIND;
   if(seen==LOOK_DONE && !MayBeLate(place,entry,report))
     {
      report.already=true;
      report.found=1;
      return(Finish(entry,report,false));
     }
   ClearReport(report,"unknown");
   if(seen==LOOK_NOTHING && m_clock.Wall()-entry.since>=SEARCH_MS)
     {
      report.found=0;
      return(Finish(entry,report,false));
     }
   if(!entry.told)
     {
      SFrame frame={};
      Frame(entry,report,frame);
      m_store.Begin(Name(entry));
      m_store.WithFrame(frame);
      if(!Here() || !m_store.Commit("U"))
         return(false);
      m_store.ledger.At(place,entry);
      last="unknown outcome of copy "+IntegerToString(entry.command.copy_no);
     }
   Wait(place,entry,SEARCH_PAUSE_MS);
   return(true);
  }
//--- 0, or the terminal's error
int CExecutor::Do(const SCommand &command,SReport &report)
  {
   if(command.action=="open")
      return(Open(command,report));
   if(command.action=="place")
      return(Place(command,report));
   if(command.action=="modify")
      return(Modify(command,report));
   if(command.action=="close" || command.action=="partial_close" || command.action=="cancel")
      return(Close(command,report));
   return(UNSUPPORTED);
  }
int CExecutor::Open(const SCommand &command,SReport &report)
  {
   STerms terms={};
   double bid=0,ask=0;
   int type=TypeOf(command.side,"market");
   if(type<0 || !m_broker.Terms(command.symbol,terms))
      return(4106);
   if(!m_broker.Quote(command.symbol,bid,ask))
      return(136);
   SOrder order={};
   order.symbol=command.symbol;
   order.type=type;
   order.lots=NormalizeDouble(command.lots,8);
   order.price=NormalizeDouble(type==0 ? ask : bid,terms.digits);
   order.slippage=guards.max_slippage_points;
   if(command.deviation>=0 && command.has_price && terms.point>0)
     {
      int off=(int)MathRound(MathAbs(order.price-command.price)/terms.point);
      if(off>command.deviation)
         return(138);
      order.slippage=MathMin(order.slippage,command.deviation-off);
     }
   order.sl=NormalizeDouble(command.sl,terms.digits);
   order.tp=NormalizeDouble(command.tp,terms.digits);
   order.comment="c"+Base36((long)command.copy_no);
   order.magic=command.magic;
   int error=m_broker.Send(order);
   if(error==130 && (order.sl>0 || order.tp>0))
      error=OpenWithout(order,command);
   if(error!=0)
      return(error);
   ClearReport(report,"filled");
   report.ticket=order.ticket;
   report.lots=order.lots;
   report.price=order.price;
   SRow row={};
   SMoney money={};
   if(m_broker.Money(order.ticket,row,money))
     {
      report.lots=(row.closed>0) ? order.lots : row.lots;
      report.price=row.price;
      report.has_stops=true;
      report.sl=row.sl;
      report.tp=row.tp;
      report.time=row.opened;
     }
   last="opened "+command.symbol+" "+NumberText(report.lots)+" at "+NumberText(report.price)+" (copy "+IntegerToString(command.copy_no)+")";
   return(0);
  }
//--- Stops that this broker does not take with the order, or not at this distance: first the order, then the stops.
//--- What stands in the end is reported as it is.
int CExecutor::OpenWithout(SOrder &order,const SCommand &command)
  {
   double sl=order.sl,tp=order.tp;
   order.sl=0;
   order.tp=0;
   int error=m_broker.Send(order);
   SRow row={};
   SMoney money={};
   if(error==0 && m_broker.Money(order.ticket,row,money))
     {
      int refused=m_broker.Modify(order.ticket,row.price,sl,tp,0);
      if(refused!=0)
         Alert("EA Gateway: the stops of copy ",command.copy_no," were not taken: ",MarketSentence(refused));
     }
   return(error);
  }
int CExecutor::Place(const SCommand &command,SReport &report)
  {
   STerms terms={};
   int type=TypeOf(command.side,command.order_type);
   if(type<2 || !command.has_price || !m_broker.Terms(command.symbol,terms))
      return(UNSUPPORTED);
   SOrder order={};
   order.symbol=command.symbol;
   order.type=type;
   order.lots=NormalizeDouble(command.lots,8);
   order.price=NormalizeDouble(command.price,terms.digits);
   order.slippage=guards.max_slippage_points;
   order.sl=NormalizeDouble(command.sl,terms.digits);
   order.tp=NormalizeDouble(command.tp,terms.digits);
   order.comment="c"+Base36((long)command.copy_no);
   order.magic=command.magic;
   order.expiry=0;
   long expiry=TimeValue(command.expiry);
   if(expiry>0 && m_times.Known())
      order.expiry=(datetime)(expiry/1000+m_times.Offset());
   int error=m_broker.Send(order);
   if(error==147 && order.expiry>0)
     {
      order.expiry=0;
      error=m_broker.Send(order);
     }
   if(error!=0)
      return(error);
   ClearReport(report,"placed");
   report.ticket=order.ticket;
   report.lots=order.lots;
   last="placed "+command.symbol+" "+NumberText(order.lots)+" (copy "+IntegerToString(command.copy_no)+")";
   return(0);
  }
int CExecutor::Modify(const SCommand &command,SReport &report)
  {
   if(ArraySize(m_look.living)==0)
      return(4108);
   SRow row=m_look.living[0];
   STerms terms={};
   m_broker.Terms(row.symbol,terms);
   double sl=command.has_sl ? NormalizeDouble(command.sl,terms.digits) : row.sl;
   double tp=command.has_tp ? NormalizeDouble(command.tp,terms.digits) : row.tp;
   double price=(IsWorkingType(row.type) && command.has_price) ? NormalizeDouble(command.price,terms.digits) : row.price;
   int error=m_broker.Modify(row.ticket,price,sl,tp,row.expiry);
   if(error!=0)
      return(error);
   ClearReport(report,"modified");
   report.ticket=row.ticket;
   report.has_stops=true;
   report.sl=sl;
   report.tp=tp;
   last="moved the stops of copy "+IntegerToString(command.copy_no);
   return(0);
  }
//--- Close, part or delete, by what lives
int CExecutor::Close(const SCommand &command,SReport &report)
  {
   bool part=(command.action=="partial_close");
   double left=(command.action=="close" || command.ticket>0) ? 0.0 : command.lots_after;
   double surplus=m_look.Lots()-left;
   if(part && m_look.Working())
      return(4108);  // there is no position yet
   ClearReport(report,"");
   for(int i=0; i<ArraySize(m_look.living); i++)
     {
      SRow row=m_look.living[i];
      long ours=row.ticket;
      if(IsWorkingType(row.type))
        {
         int error=m_broker.Delete(row.ticket);
         if(error!=0)
            return(error);
         if(report.status=="")
            ClearReport(report,"cancelled");
         report.ticket=row.ticket;
        }
      else if(surplus>LOTS_DUST)
        {
         double lots=NormalizeDouble(MathMin(row.lots,surplus),8);
         int failed=CloseOne(row,lots,report);
         if(failed!=0)
            return(failed);
         surplus-=m_broker.ClosedLots(lots);
         ours=m_broker.ClosedAs(row.ticket);
        }
      int count=ArraySize(m_ours);
      ArrayResize(m_ours,count+1);
      m_ours[count]=ours;
     }
   if(report.status=="closed")
      report.remaining=MathMax(0.0,left)+(surplus>LOTS_DUST ? NormalizeDouble(surplus,8) : 0.0);  // a broker may close a part
   last=(report.status=="cancelled" ? "deleted the order of copy " : "closed copy ")+IntegerToString(command.copy_no);
   return(0);
  }
int CExecutor::CloseOne(const SRow &row,const double lots,SReport &report)
  {
   double bid=0,ask=0;
   if(!m_broker.Quote(row.symbol,bid,ask))
      return(136);
   double price=((row.type%2)==0) ? bid : ask;
   int error=m_broker.Close(row.ticket,lots,price,guards.max_slippage_points);
   if(error!=0)
      return(error);
   double before=(report.status=="closed") ? report.lots : 0.0;
   ClearReport(report,"closed");
   report.ticket=row.ticket;
   report.lots=before+m_broker.ClosedLots(lots);
   report.price=price;
   m_look.PutMoney(row.ticket,report);
   if(lots<row.lots-LOTS_DUST)
      Rest(row,lots,report);
   return(0);
  }
//--- the ticket under which the rest goes on
void CExecutor::Rest(const SRow &whole,const double lots,SReport &report)
  {
   SRow all[];
   int best=0;
   if(!m_broker.Trades(all))
      return;
   for(int i=0; i<ArraySize(all); i++)
     {
      int strength=LineageStrength(all[i],whole,lots);
      if(strength>best)
        {
         best=strength;
         report.new_ticket=all[i].ticket;
        }
     }
  }
bool CExecutor::Finish1(const SEntry &entry,const string status,const int error,const string comment)
  {
   SReport report={};
   ClearReport(report,status);
   report.error=error;
   report.comment=comment;
   ArrayResize(m_ours,0);
   if(status=="rejected")
      last="copy "+IntegerToString(entry.command.copy_no)+" refused: "+(comment!="" ? comment : IntegerToString(error));
   return(Finish(entry,report,status=="rejected"));
  }
//--- The outcome, its report and what it closed, in one record
bool CExecutor::Finish(const SEntry &entry,SReport &report,const bool refused)
  {
   m_store.Begin(Name(entry)+" "+(refused ? "1" : "0")+" "+IntegerToString(m_clock.Wall()));
   SFrame frame={};
   if(entry.command.action=="place" && report.status=="filled")
     {
      SReport placed=report;
      placed.status="placed";
      Frame(entry,placed,frame);
      m_store.WithFrame(frame);
     }
   Frame(entry,report,frame);
   m_store.WithFrame(frame);
   for(int i=0; i<ArraySize(m_ours); i++)
      m_store.WithOurs(m_ours[i]);
   if(report.already && report.status!="filled" && report.status!="placed" && report.status!="modified")
     {
      // found closed: whatever of it the baseline still holds is told with this report
      SRow rows[];
      int count=m_store.Rows(rows);
      for(int k=0; k<count; k++)
        {
         if(rows[k].magic!=entry.command.magic || (entry.command.ticket!=0 && rows[k].ticket!=entry.command.ticket))
            continue;
         long closer=m_look.Closer(rows[k].ticket);
         if(closer>0 || !m_look.Lives(rows[k].ticket))
            m_store.WithOurs(closer>0 ? closer : rows[k].ticket);
        }
     }
   ArrayResize(m_ours,0);
   return(Here() && m_store.Commit("D"));
  }
void CExecutor::Frame(const SEntry &entry,const SReport &report,SFrame &frame)
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("status",report.status);
   json.Text("command_id",entry.command.id);
   json.Integer("command_seq",entry.seq);
   json.Integer("copy_no",entry.command.copy_no);
   json.Integer("attempt",entry.command.attempt);
   json.Text("side",entry.command.side);
   if(report.ticket>0)
      json.Integer("ticket",report.ticket);
   if(report.new_ticket>0)
      json.Integer("new_ticket",report.new_ticket);
   if(report.lots>0)
      PutNumber(json,"lots",report.lots);
   if(report.remaining>=0)
      PutNumber(json,"remaining_lots",report.remaining);
   if(report.price>0)
      PutNumber(json,"price",report.price);
   if(report.has_stops)
     {
      PutNumber(json,"sl",report.sl);
      PutNumber(json,"tp",report.tp);
     }
   if(report.has_money)
     {
      PutNumber(json,"profit",report.money.profit);
      PutNumber(json,"swap",report.money.swap);
      PutNumber(json,"commission",report.money.commission);
     }
   if(report.error>0)
      json.Integer("error_code",report.error);
   if(report.already)
      json.Boolean("already",true);
   if(report.found>=0)
      json.Boolean("found",report.found==1);
   if(report.comment!="")
      json.Text("comment",CommentText(report.comment));
   if(report.time>0)
      json.Text("broker_time",BrokerTime(report.time));
   PutNumber(json,"balance",m_broker.Balance());
   PutNumber(json,"equity",m_broker.Equity());
   json.Integer("execution_ms",report.took);
   json.Close("}");
   frame.id=m_random.Uuid(m_clock.Wall());
   frame.type="ExecutionReport";
   frame.payload=json.Result();
   frame.seen=m_clock.Wall();
   frame.aged=true;
   frame.sent=false;
  }
#endif
