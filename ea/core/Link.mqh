//+------------------------------------------------------------------+
//| Link.mqh: the frames of one session: what goes out next, and what|
//| is to be done with what comes. It knows no network.              |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_LINK
#define EAG_LINK
#include "Closing.mqh"
#include "Introduction.mqh"
#include "Snapshot.mqh"
#include "Vault.mqh"
#include "Watcher.mqh"

class CLink
  {
private:
   CStore           *m_store;
   CBroker          *m_broker;
   CClock           *m_clock;
   CRandom          *m_random;
   CWatcher         *m_watcher;
   CVault           *m_vault;
   CBrokerClock     *m_times;
   CJson             m_json;
   CIntroduction     m_introduction;
   CSnapshot         m_book;
   string            m_replies[];
   int               m_replies_count;
   bool              m_greeted;
   long              m_sent;
   long              m_most;
   long              m_held_until;
   long              m_progress;
   double            m_tokens;
   long              m_tokens_at;
   long              m_next_beat;
   long              m_busy_ms;
   bool              m_announced;
   bool              m_introduced;
   bool              m_telling;
   long              m_told_at;
   int               m_part;
   long              m_part_at;
   bool              m_book_asked;
   string            m_book_request;
   string            m_book_known;
   string            m_book_reason;
   int               m_book_part;
   long              m_book_at;
   long              m_book_asked_at;
   long              m_top;
   long              m_asked_at;

   string            Envelope(const string type,const string id,const string payload,const long seq,const bool resent);
   string            Plain(const string type,const string payload);
   string            AckText(const bool greeting) const;
   static void       Add(string &list[],const string text);
   void              Gap(void);
   void              Reply(const string type,const string payload);
   string            Hello(void);
   string            Beat(const long busy);
   bool              MaySpend(void);
   bool              OutboxFrame(string &text);
   bool              BookFrame(string &text);
   bool              PartDue(void);
   bool              PartFrame(string &text);
   bool              BookSeen(void);
   bool              BookDue(void);
   void              TakeBook(void);
   void              Rewind(const long seq,const long pause);
   void              Acked(const long seq);
   void              HearFrame(const uchar &bytes[],const int from,const int to);
   void              HearState(const int payload);
   void              HearInit(const int payload);
   void              HearCommand(const int envelope,const int payload,const string id);
   void              HearGap(const int envelope,const int payload);
   void              HearAlert(const int payload);
   void              HearAck(const int payload);
   void              HearSnapshot(const int payload);
   void              HearResend(const int payload);
   void              HearNotice(const int payload);
   long              Whole(const int object,const string name,const long otherwise) const;
   bool              Cut(const uchar &bytes[],int &starts[],int &ends[],int &list_from,int &list_to) const;

public:
   string            status;
   string            role;
   string            strategies;
   string            only_symbols;
   string            problem;
   string            problem_words;
   string            remedy;
   int               closed;
   int               foreign;
   int               retry_after;
   long              heard_at;
   long              ping_ms;
   bool              goodbye;
   bool              said_goodbye;
   bool              idle;
   bool              by_socket;

                     CLink(void);
   void              Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CWatcher *watcher,CVault *vault,CBrokerClock *times);
   void              Renew(void);
   void              Greet(void);
   bool              Live(void) const { return(m_greeted && status=="authenticated" && m_introduced); }
   bool              Pending(void) const { return(m_greeted && status=="pending"); }
   bool              Eager(void);
   void              Frames(string &list[]);
   string            Body(const int hold_ms);
   string            Poll(const int hold_ms);
   void              Announce(const long milliseconds) { m_busy_ms=milliseconds; m_next_beat=0; }
   bool              Answer(string &text);
   bool              TestAnswer(string &text);
   void              HearMessage(const uchar &bytes[]);
   void              Hear(const int http,const uchar &bytes[]);
   void              Lost(void);
  };
CLink::CLink(void)
  {
   m_store=NULL;
   m_broker=NULL;
   m_clock=NULL;
   m_random=NULL;
   m_watcher=NULL;
   m_vault=NULL;
   m_times=NULL;
   only_symbols="";
   by_socket=false;
   heard_at=-1;
   ping_ms=-1;
   m_next_beat=0;
   m_busy_ms=0;
   m_announced=false;
   Renew();
   Greet();
  }
void CLink::Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CWatcher *watcher,CVault *vault,CBrokerClock *times)
  {
   m_store=store;
   m_broker=broker;
   m_clock=clock;
   m_random=random;
   m_watcher=watcher;
   m_vault=vault;
   m_times=times;
  }
//--- another session: nothing that the former one was told counts
void CLink::Renew(void)
  {
   m_introduced=false;
   m_book_known="";
   status="";
   role="";
   strategies="";
  }
//--- another connection of the session: Hello comes first
void CLink::Greet(void)
  {
   m_greeted=false;
   m_replies_count=0;
   ArrayResize(m_replies,0);
   m_sent=0;
   m_most=0;
   m_held_until=0;
   m_progress=0;
   m_tokens=1;
   m_tokens_at=0;
   m_book_asked=false;
   m_book_asked_at=0;
   m_book_part=-1;
   m_telling=!m_introduced;
   m_told_at=0;
   m_part=0;
   m_part_at=-1;
   closed=0;
   foreign=0;
   retry_after=-1;
   goodbye=false;
   said_goodbye=false;
   idle=false;
   m_top=0;
   m_asked_at=0;
  }
//--- nobody answered
void CLink::Lost(void)
  {
   closed=CLOSED_NETWORK;
   foreign=0;
   retry_after=-1;
  }
string CLink::Envelope(const string type,const string id,const string payload,const long seq,const bool resent)
  {
   string text="{\"v\":1,\"type\":\""+type+"\",\"id\":\""+id+"\"";
   if(seq>0)
      text+=",\"seq\":"+IntegerToString(seq);
   if(resent)
      text+=",\"resent\":true";
   return(text+",\"sent_at\":\""+m_clock.Stamp()+"\",\"payload\":"+payload+"}");
  }
string CLink::Plain(const string type,const string payload)
  {
   return(Envelope(type,m_random.Uuid(m_clock.Wall()),payload,0,false));
  }
void CLink::Reply(const string type,const string payload)
  {
   ArrayResize(m_replies,m_replies_count+1,16);
   m_replies[m_replies_count]=Plain(type,payload);
   m_replies_count++;
  }
//--- who resumes, and how far the ledger reaches
string CLink::Hello(void)
  {
   CJsonWriter json;
   json.Open("","{");
   if(m_store.ledger.epoch!="")
      json.Text("epoch",m_store.ledger.epoch);
   json.Integer("last_server_seq",m_store.ledger.head);
   if(m_store.ledger.head_id!="")
      json.Text("last_server_id",m_store.ledger.head_id);
   json.Text("installation_id",m_store.installation);
   json.Integer("ledger_head",m_store.ledger.head);
   json.Integer("max_copy_no_seen",m_store.ledger.max_copy_no);
   json.Close("}");
   return(Plain("Hello",json.Result()));
  }
string CLink::Beat(const long busy)
  {
   CJsonWriter json;
   json.Open("","{");
   PutNumber(json,"balance",m_broker.Balance());
   PutNumber(json,"equity",m_broker.Equity());
   PutNumber(json,"margin",m_broker.Margin());
   PutNumber(json,"free_margin",m_broker.FreeMargin());
   json.Boolean("connected",m_broker.Connected());
   json.Boolean("trade_allowed",m_broker.TradeAllowed());
   json.Text("terminal_time",BrokerTime(TimeLocal()));
   if(ping_ms>=0)
      json.Integer("ping_ms",ping_ms);
   json.Integer("outbox_size",m_store.outbox.Count());
   json.Integer("top_seq",MathMax((long)0,m_store.outbox.Top()));
   if(busy>0)
      json.Integer("busy_until_ms",busy);
   json.Close("}");
   return(Plain("StatusHeartbeat",json.Result()));
  }
//--- half a second's intents at once, then as many a second as the account may
bool CLink::MaySpend(void)
  {
   long now=m_clock.Monotonic();
   double rate=MathMax(1,m_vault.intent_rate);
   m_tokens=MathMin(MathMax(1.0,rate/2),m_tokens+(double)(now-m_tokens_at)*rate/1000.0);
   m_tokens_at=now;
   if(m_tokens<1)
      return(false);
   m_tokens-=1;
   return(true);
  }
//--- whether something waits that should not wait for the next turn
bool CLink::Eager(void)
  {
   long now=m_clock.Monotonic();
   if(!m_greeted || m_replies_count>0 || now>=m_next_beat)
      return(true);
   if(BookDue())
      return(true);
   if(PartDue())
      return(true);
   return(m_sent<m_store.outbox.Top() && now>=m_held_until && (status=="authenticated" || status=="pending"));
  }
//--- the next numbered frame that may go out
bool CLink::OutboxFrame(string &text)
  {
   long now=m_clock.Monotonic();
   if(!m_greeted || now<m_held_until)
      return(false);
   if(m_progress>0 && m_sent>=m_store.outbox.First() && now-m_progress>HEAL_MS)
      Rewind(m_store.outbox.First(),0);
   SFrame frame={};
   if(!m_store.outbox.At(m_sent+1,frame) || (frame.type=="OrderIntent" && !MaySpend()))
      return(false);
   if(m_sent+1==m_store.outbox.First())
      m_progress=now;
   m_sent++;
   m_most=MathMax(m_most,m_sent);
   m_store.outbox.MarkSent(m_sent);
   text=Envelope(frame.type,frame.id,COutbox::Wire(frame,m_clock.Wall()),m_sent,frame.sent);
   return(true);
  }
//--- everything from this number on comes again
void CLink::Rewind(const long seq,const long pause)
  {
   m_sent=MathMin(m_sent,MathMax(seq,m_store.outbox.First())-1);
   long now=m_clock.Monotonic();
   long told=MathMin(pause,(long)TOLD_MOST_MS);
   m_held_until=MathMax(m_held_until,now+told);
   m_progress=now+told;
  }
//--- what was never sent cannot have been received
void CLink::Acked(const long seq)
  {
   if(seq<m_store.outbox.First() || seq>MathMin(m_most,m_store.outbox.Top()))
      return;
   m_store.Write("A",IntegerToString(seq));
   m_sent=MathMax(m_sent,seq);
   m_progress=m_clock.Monotonic();
  }
//--- Whether a part of the introduction may go out. It comes again when it is not answered, and from time to time: roles
//--- and terms change.
bool CLink::PartDue(void)
  {
   long now=m_clock.Monotonic();
   long pause=!m_introduced ? TELL_AGAIN_MS : (role=="none") ? NO_ROLE_MS : TERMS_MS;
   if(!m_telling && status=="authenticated" && now-m_told_at>=pause)
     {
      m_telling=true;
      m_part=0;
     }
   return(m_greeted && m_telling && (m_part_at<0 || now-m_part_at>=PART_MS));
  }
//--- the introduction, part by part
bool CLink::PartFrame(string &text)
  {
   if(!PartDue())
      return(false);
   if(m_part==0)
      m_introduction.Build(m_broker,m_times,only_symbols,m_random.Uuid(m_clock.Wall()),m_watcher.OldestClose());
   text=Plain("InitRequest",m_introduction.Part(m_part));
   m_part++;
   m_part_at=m_clock.Monotonic();
   m_told_at=m_part_at;
   m_telling=(m_part<m_introduction.Count());
   return(true);
  }
//--- whether the last look at the book is one that may be told
bool CLink::BookSeen(void)
  {
   return(m_broker.Connected() && m_watcher.Scanned()>=0 && m_clock.Monotonic()-m_watcher.Scanned()<2000 && !m_watcher.Missing());
  }
//--- Whether the book that was asked for may go out: every report that belongs to it is out. A look that says nothing is
//--- waited for, for some seconds.
bool CLink::BookDue(void)
  {
   if(!m_book_asked || status!="authenticated" || m_sent<m_store.outbox.Top())
      return(false);
   long now=m_clock.Monotonic();
   if(m_book_part>=0)
      return(now-m_part_at>=PART_MS);
   return(BookSeen() || !m_broker.Connected() || now-m_book_asked_at>=BOOK_WAIT_MS);
  }
void CLink::TakeBook(void)
  {
   SRow rows[];
   long now=m_clock.Monotonic();
   bool seen=BookSeen();
   m_book_part=0;
   m_book_at=seen ? m_watcher.Scanned() : now;
   if(!seen)
     {
      ArrayResize(m_book.parts,1);
      m_book.parts[0]=CSnapshot::Blind(m_book_request);
      return;
     }
   m_watcher.Rows(rows);
   m_book.Take(rows);
   bool same=(m_book_known!="" && m_book_known==m_book.Hash() && (m_book_reason=="schedule" || m_book_reason=="session_start"));
   m_book.Write(m_broker,m_times,m_book_request,m_random.Uuid(m_clock.Wall()),m_store.ledger.Applied(),m_watcher.OldestClose(),same);
  }
bool CLink::BookFrame(string &text)
  {
   if(!BookDue())
      return(false);
   long now=m_clock.Monotonic();
   if(m_book_part<0)
      TakeBook();
   text=Plain("SyncSnapshot",m_book.parts[m_book_part]+",\"age_ms\":"+IntegerToString(now-m_book_at)+"}");
   m_book_part++;
   m_part_at=now;
   if(m_book_part>=ArraySize(m_book.parts))
     {
      m_book_asked=false;
      m_book_part=-1;
     }
   return(true);
  }
//--- what waits, in the order in which it must arrive, as much as one call may carry
void CLink::Frames(string &list[])
  {
   string text="";
   int count=0,bytes=0;
   ArrayResize(list,0);
   if(!m_greeted)
     {
      Add(list,Hello());
      return;
     }
   Gap();
   while(Answer(text))
      Add(list,text);
   if(PartFrame(text))
      Add(list,text);
   while(count<CALL_FRAMES && bytes<CALL_BYTES-FRAME_MOST && OutboxFrame(text))
     {
      Add(list,text);
      bytes+=StringLen(text);
      count++;
     }
   if(BookFrame(text))
      Add(list,text);
   if(m_clock.Monotonic()>=m_next_beat)
     {
      if(m_busy_ms==0 || m_announced)
         Add(list,Beat(0));  // an announcement counts once, until a beat without one
      if(m_busy_ms>0)
         Add(list,Beat(m_busy_ms));
      m_announced=(m_busy_ms>0);
      m_busy_ms=0;
      m_next_beat=m_clock.Monotonic()+m_vault.interval_seconds*1000;
     }
   if(goodbye && !said_goodbye && m_sent>=m_store.outbox.Top())
     {
      Add(list,Plain("ShutdownNotice","{\"reason\":\"ea_removed\",\"last_seq\":"+IntegerToString(MathMax((long)0,m_store.outbox.Top()))+"}"));
      said_goodbye=true;
     }
  }
void CLink::Add(string &list[],const string text)
  {
   int count=ArraySize(list);
   ArrayResize(list,count+1,CALL_FRAMES);
   list[count]=text;
  }
//--- the oldest of what is to be answered
bool CLink::Answer(string &text)
  {
   if(!m_greeted || m_replies_count==0)
      return(false);
   text=m_replies[0];
   for(int i=1; i<m_replies_count; i++)
      m_replies[i-1]=m_replies[i];
   m_replies_count--;
   return(true);
  }
//--- the beat that a TestRequest asks for, while an Idle is still waited for
bool CLink::TestAnswer(string &text)
  {
   if(!m_greeted || m_next_beat>0)
      return(false);
   text=Beat(0);
   m_announced=false;
   m_next_beat=m_clock.Monotonic()+m_vault.interval_seconds*1000;
   return(true);
  }
//--- how far the gateway's numbers have been written down here
string CLink::AckText(const bool greeting) const
  {
   return((greeting || status!="authenticated") ? "null" : IntegerToString(m_store.ledger.head));
  }
//--- one call over HTTP
string CLink::Body(const int hold_ms)
  {
   string list[],joined="";
   bool greeting=!m_greeted;
   Frames(list);
   for(int i=0; i<ArraySize(list); i++)
      joined+=(i==0 ? "" : ",")+list[i];
   int hold=(ArraySize(list)==0) ? hold_ms : 0;
   return("{\"frames\":["+joined+"],\"ack\":"+AckText(greeting)+",\"hold_ms\":"+IntegerToString(hold)+",\"max_bytes\":"+IntegerToString(ANSWER_BYTES)+"}");
  }
//--- on a socket: asks for all that waits, and for an Idle behind it
string CLink::Poll(const int hold_ms)
  {
   idle=false;
   return(Plain("Poll","{\"ack\":"+AckText(!m_greeted)+",\"hold_ms\":"+IntegerToString(hold_ms)+"}"));
  }
//--- A call brings again what was not acknowledged. A socket does not: numbers that are missing are asked for.
void CLink::Gap(void)
  {
   long now=m_clock.Monotonic();
   if(!by_socket || status!="authenticated" || m_top<=m_store.ledger.head)
     {
      m_asked_at=now;
      return;
     }
   if(now-m_asked_at<ASK_AGAIN_MS)
      return;
   m_asked_at=now;
   long from=m_store.ledger.head+1;
   Reply("ResendRequest","{\"from\":"+IntegerToString(from)+",\"to\":"+IntegerToString(MathMin(m_top,from+199))+"}");
  }
long CLink::Whole(const int object,const string name,const long otherwise) const
  {
   long value=0;
   return(m_json.Integer(m_json.Find(object,name),value) ? value : otherwise);
  }
//--- Where the frames of an answer stand, and where their list begins and ends. False: it has none.
bool CLink::Cut(const uchar &bytes[],int &starts[],int &ends[],int &list_from,int &list_to) const
  {
   int size=ArraySize(bytes);
   int depth=0,count=0;
   list_from=-1;
   ArrayResize(starts,0);
   ArrayResize(ends,0);
   for(int i=0; i<size; i++)
     {
      if(bytes[i]=='"')
        {
         int from=i+1;
         i++;
         while(i<size && bytes[i]!='"')
            i+=(bytes[i]=='\\') ? 2 : 1;
         if(depth!=1 || i>=size || TextFromBytes(bytes,from,i-from)!="frames")
            continue;
         int at=i+1;
         while(at<size && (bytes[at]==' ' || bytes[at]==':'))
            at++;
         if(at>=size || bytes[at]!='[')
            continue;
         list_from=at;
         break;
        }
      depth+=(bytes[i]=='{' || bytes[i]=='[') ? 1 : (bytes[i]=='}' || bytes[i]==']') ? -1 : 0;
     }
   if(list_from<0)
      return(false);
   list_to=list_from+1;
   while(list_to<size && bytes[list_to]!=']')
     {
      if(bytes[list_to]!='{')
        {
         list_to++;
         continue;
        }
      int end=JsonEnd(bytes,list_to,size);
      if(end<0)
         return(false);
      ArrayResize(starts,count+1,64);
      ArrayResize(ends,count+1,64);
      starts[count]=list_to;
      ends[count]=end;
      count++;
      list_to=end;
     }
   return(list_to<size);
  }
//--- An answer: its frames first, then what it acknowledges, then, if it is a problem, what it means
void CLink::Hear(const int http,const uchar &bytes[])
  {
   int starts[],ends[];
   int from=-1,to=-1;
   uchar rest[];
   int size=ArraySize(bytes);
   heard_at=m_clock.Monotonic();
   if(Cut(bytes,starts,ends,from,to))
     {
      for(int i=0; i<ArraySize(starts); i++)
         HearFrame(bytes,starts[i],ends[i]);
      ArrayResize(rest,from+1+size-to);
      ArrayCopy(rest,bytes,0,0,from+1);
      ArrayCopy(rest,bytes,from+1,to,size-to);
     }
   else
     {
      ArrayResize(rest,size);
      ArrayCopy(rest,bytes,0,0,size);
     }
   bool read=m_json.Parse(rest,0,ArraySize(rest));
   if(read)
      Acked(Whole(0,"ack",0));
   if(http<400 && read)
      return;
   string code=read ? m_json.Text(m_json.Find(0,"code")) : "";
   closed=(http<400) ? CLOSED_NETWORK : CloseOfProblem(code,http);
   if(code=="")
     {
      foreign=http;
      return;
     }
   problem=code;
   problem_words=m_json.Text(m_json.Find(0,"title"));
   remedy=m_json.Text(m_json.Find(0,"remediation"));
  }
//--- one message of a socket
void CLink::HearMessage(const uchar &bytes[])
  {
   heard_at=m_clock.Monotonic();
   HearFrame(bytes,0,ArraySize(bytes));
  }
void CLink::HearFrame(const uchar &bytes[],const int from,const int to)
  {
   if(!m_json.Parse(bytes,from,to-from))
     {
      Print("EA Gateway: a frame could not be read: ",m_json.Error());
      return;
     }
   string type=m_json.Text(m_json.Find(0,"type"));
   string id=m_json.Text(m_json.Find(0,"id"));
   m_clock.Observe(m_json.Text(m_json.Find(0,"sent_at")));
   long ack=Whole(0,"ack",0);
   int payload=m_json.Find(0,"payload");
   if(type=="SessionState")
      HearState(payload);
   else if(type=="InitAck")
      HearInit(payload);
   else if(type=="OrderCommand")
      HearCommand(0,payload,id);
   else if(type=="GapFill")
      HearGap(0,payload);
   else if(type=="ErrorAlert")
      HearAlert(payload);
   else if(type=="Ack")
      HearAck(payload);
   else if(type=="SyncSnapshot")
      HearSnapshot(payload);
   else if(type=="ResendRequest")
      HearResend(payload);
   else if(type=="ShutdownNotice")
      HearNotice(payload);
   else if(type=="TestRequest")
      m_next_beat=0;
   else if(type=="Idle" || type=="HeartbeatAck")
     {
      idle=(idle || type=="Idle");
      m_top=MathMax(m_top,Whole(payload,"top_seq",0));
     }
   Acked(ack);
  }
void CLink::HearState(const int payload)
  {
   string was=status,now=m_json.Text(m_json.Find(payload,"status"));
   if(!IsWord(now))
     {
      Print("EA Gateway: a state without a status was left out");
      return;
     }
   status=now;
   string epoch=m_json.Text(m_json.Find(payload,"epoch"));
   long stored=Whole(payload,"stored_seq",0);
   long wait=MathMin(Whole(payload,"retry_after_seconds",0),(long)TOLD_MOST_MS/1000);
   if(status=="authenticated" && IsWord(epoch) && epoch!=m_store.ledger.epoch)
      m_store.Write("E",epoch);
   m_most=MathMax(m_most,stored);  // perhaps by the program that ran before
   Acked(stored);
   if(stored>m_store.outbox.Top())
      m_store.Write("N",m_vault.session_id+" "+IntegerToString(stored+1));
   if(!m_greeted)
     {
      m_greeted=true;
      m_sent=m_store.outbox.First()-1;
      m_progress=0;
     }
   if(wait>0)
      Rewind(m_store.outbox.First(),wait*1000);
   if(status!=was && (was!="" || status!="authenticated"))
      Print("EA Gateway: session ",status," ",m_json.Text(m_json.Find(payload,"reason")));
   if(status=="authenticated" || status=="pending")
     {
      problem="";
      problem_words="";
      remedy="";
     }
   else
     {
      problem=m_json.Text(m_json.Find(payload,"reason"));
      problem_words=m_json.Text(m_json.Find(payload,"next_step"));
     }
  }
void CLink::HearInit(const int payload)
  {
   string told_role=m_json.Text(m_json.Find(payload,"role"));
   if(!IsWord(told_role))
     {
      Print("EA Gateway: an introduction without a role was left out");  // its limits, too: without them nothing is limited
      return;
     }
   m_introduced=true;
   role=told_role;
   if(role!=m_store.role)
      m_store.Write("K",role);
   int pace=m_json.Find(payload,"heartbeat");
   int limits=m_json.Find(payload,"limits");
   m_vault.interval_seconds=(int)MathMax((long)1,Whole(pace,"interval_seconds",m_vault.interval_seconds));
   m_vault.timeout_seconds=(int)MathMax((long)1,Whole(pace,"timeout_seconds",m_vault.timeout_seconds));
   m_vault.intent_rate=(int)MathMax((long)1,Whole(limits,"intent_rate",m_vault.intent_rate));
   m_next_beat=MathMin(m_next_beat,m_clock.Monotonic()+(long)(m_random.Fraction()*m_vault.interval_seconds*1000));
   int limits_told=m_json.Find(payload,"guards");
   string told=(limits_told>=0) ? m_json.Raw(limits_told) : "{}";
   StringReplace(told,"\t"," ");
   if(told!=m_store.guards && !(told=="{}" && m_store.guards==""))
      m_store.Write("W",told);
   strategies="";
   int one=m_json.Child(m_json.Find(payload,"subscriptions"));
   while(one>=0)
     {
      string mode=m_json.Text(m_json.Find(one,"mode"));
      string state=m_json.Text(m_json.Find(one,"state"));
      strategies+=(strategies=="" ? "" : "; ")+m_json.Text(m_json.Find(one,"strategy"))+": "+m_json.Text(m_json.Find(one,"role"))
                  +(mode=="" ? "" : ", "+mode)+(state=="" ? "" : ", "+state);
      one=m_json.Next(one);
     }
  }
//--- in its order, or not at all: what lies above comes again with the next answer
void CLink::HearCommand(const int envelope,const int payload,const string id)
  {
   long seq=Whole(envelope,"seq",0);
   SEntry known={};
   if(seq<=m_store.ledger.head)
     {
      int place=m_store.ledger.FindSeq(seq);
      if(m_store.ledger.At(place,known) && known.frame_id!=id)
         Reply("ErrorAlert","{\"code\":\"sequence_conflict\",\"severity\":\"critical\",\"message\":\"another frame under a known number\"}");
      return;
     }
   if(seq!=m_store.ledger.head+1)
      return;
   SCommand command={};
   string text=m_json.Raw(payload);
   StringReplace(text,"\t"," ");
   bool good=(IsWord(id) && ReadCommand(m_json,payload,command));
   if(good)
      m_store.Write("R",IntegerToString(seq)+" "+id+" "+IntegerToString(m_clock.Wall())+" "+text);
   else if(m_store.Write("G",IntegerToString(seq)+" "+IntegerToString(seq+1)))
      Alert("EA Gateway: a command could not be read and was left out. Update the program.");
  }
void CLink::HearGap(const int envelope,const int payload)
  {
   long seq=Whole(envelope,"seq",0);
   long next=Whole(payload,"next",0);
   if(seq>0 && seq<=m_store.ledger.head+1 && next>seq)
      m_store.Write("G",IntegerToString(seq)+" "+IntegerToString(next));
  }
void CLink::HearAlert(const int payload)
  {
   string code=m_json.Text(m_json.Find(payload,"code"));
   string ref=m_json.Text(m_json.Find(payload,"ref"));
   int retry=m_json.Find(payload,"retry");
   bool again=m_json.Boolean(m_json.Find(payload,"retryable"),false);
   long after=MathMin(Whole(retry,"after_seconds",1),(long)TOLD_MOST_MS/1000)*1000;
   Print("EA Gateway: ",code,": ",m_json.Text(m_json.Find(payload,"message"))," ",m_json.Text(m_json.Find(payload,"path")));
   if(code=="parts_incomplete")
     {
      m_telling=true;
      m_part=0;
      m_part_at=m_clock.Monotonic()+after;
     }
   if(again && (ref=="" || m_store.outbox.IdAt(ref)))
      Rewind(m_store.outbox.First(),after);
   if(m_json.Text(m_json.Find(payload,"severity"))=="warning")
      return;
   problem=code;
   problem_words=m_json.Text(m_json.Find(payload,"message"));
   remedy=m_json.Text(m_json.Find(payload,"remediation"));
  }
//--- what was refused for good is covered by the acknowledgement; the rest comes again
void CLink::HearAck(const int payload)
  {
   int one=m_json.Child(m_json.Find(payload,"refused"));
   while(one>=0)
     {
      bool final=m_json.Boolean(m_json.Find(one,"final"),true);
      string code=m_json.Text(m_json.Find(one,"code"));
      Print("EA Gateway: frame ",Whole(one,"seq",0)," refused: ",code);
      if(!final)
         Rewind(m_store.outbox.First(),1000);
      one=m_json.Next(one);
     }
   Acked(Whole(payload,"ack",0));
  }
void CLink::HearSnapshot(const int payload)
  {
   string phase=m_json.Text(m_json.Find(payload,"phase"));
   if(phase!="request")
      return;
   m_book_asked=true;
   m_book_asked_at=m_clock.Monotonic();
   m_book_part=-1;
   m_book_request=m_json.Text(m_json.Find(payload,"request_id"));
   m_book_known=m_json.Text(m_json.Find(payload,"hash"));
   m_book_reason=m_json.Text(m_json.Find(payload,"reason"));
  }
//--- what is not here any more was acknowledged once, and carries nothing
void CLink::HearResend(const int payload)
  {
   long from=Whole(payload,"from",0);
   long to=Whole(payload,"to",0);
   long first=m_store.outbox.First();
   if(from<1 || to<from)
      return;
   if(from<first)
     {
      ArrayResize(m_replies,m_replies_count+1,16);
      m_replies[m_replies_count]=Envelope("GapFill",m_random.Uuid(m_clock.Wall()),"{\"next\":"+IntegerToString(MathMin(first,to+1))+"}",from,false);
      m_replies_count++;
     }
   if(to>=first)
      Rewind(from,0);
  }
void CLink::HearNotice(const int payload)
  {
   if(m_json.Text(m_json.Find(payload,"phase"))=="ack")
      return;
   string reason=m_json.Text(m_json.Find(payload,"reason"));
   problem=(reason=="shutdown_by_server") ? "service_restart" : reason;
   problem_words=m_json.Text(m_json.Find(payload,"message"));
   retry_after=(int)MathMin(Whole(payload,"reconnect_after_seconds",-1),(long)TOLD_MOST_MS/1000);
   Reply("ShutdownNotice","{\"reason\":\"shutdown_by_server\",\"phase\":\"ack\",\"last_seq\":"+IntegerToString(MathMax((long)0,m_store.outbox.Top()))+"}");
  }
#endif
