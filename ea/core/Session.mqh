//+------------------------------------------------------------------+
//| Session.mqh: opens sessions, makes the calls of one, over HTTP or|
//| over its socket, and acts on how each link ended.                |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_SESSION
#define EAG_SESSION
#include "Calls.mqh"
#include "Errors.mqh"
#include "Link.mqh"

class CSession
  {
private:
   CStore           *m_store;
   CBroker          *m_broker;
   CClock           *m_clock;
   CRandom          *m_random;
   CVault           *m_vault;
   CWindows         *m_windows;
   ETransport        m_transport;
   CCalls            m_calls;
   CJson             m_json;
   string            m_url;
   string            m_account;
   string            m_auth_key;
   string            m_request_id;
   bool              m_open;
   long              m_wait_until;
   long              m_next_call;
   long              m_began;
   int               m_attempt;
   bool              m_away;
   int               m_penalties;
   int               m_renewals;
   int               m_upgrades;
   long              m_calls_until;

   bool              UsesSocket(void) const;
   void              Change(const bool to_socket);
   bool              Call(const int hold_ms);
   bool              Talk(const int hold_ms);
   bool              SendAll(void);
   void              FallBack(const string why);
   void              Open(void);
   bool              Opened(void);
   void              Refused(void);
   void              Follow(void);
   void              Forget(void);
   void              Reached(const bool answered);
   void              Wait(const long told_ms);
   void              Stop(const string why);
   void              Foreign(const int status);

public:
   CLink             link;
   string            stopped;
   string            refused;
   bool              live_once;
   bool              master;

                     CSession(void);
   void              Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CWatcher *watcher,CVault *vault,CBrokerClock *times);
   void              Windows(CWindows *windows,const ETransport transport);
   void              Account(const string url,const string account,const string auth_key);
   void              Step(void);
   void              Announce(const long milliseconds);
   void              Leave(void);
   long              WaitMs(void) const { return(MathMax((long)0,m_wait_until-m_clock.Monotonic())); }
   bool              HasSession(void) const { return(m_open); }
   string            Way(void) const { return(link.by_socket ? "socket" : "calls"); }
  };
CSession::CSession(void)
  {
   m_store=NULL;
   m_broker=NULL;
   m_clock=NULL;
   m_random=NULL;
   m_vault=NULL;
   m_windows=NULL;
   m_transport=CallsOnly;
   m_upgrades=0;
   m_calls_until=0;
   m_url="";
   m_account="";
   m_auth_key="";
   m_request_id="";
   m_open=false;
   m_wait_until=0;
   m_next_call=0;
   m_began=0;
   m_attempt=0;
   m_away=false;
   m_penalties=0;
   m_renewals=0;
   stopped="";
   refused="";
   live_once=false;
   master=false;
  }
void CSession::Begin(CStore *store,CBroker *broker,CClock *clock,CRandom *random,CWatcher *watcher,CVault *vault,CBrokerClock *times)
  {
   m_store=store;
   m_broker=broker;
   m_clock=clock;
   m_random=random;
   m_vault=vault;
   link.Begin(store,broker,clock,random,watcher,vault,times);
  }
//--- a program that may call DLLs
void CSession::Windows(CWindows *windows,const ETransport transport)
  {
   m_windows=windows;
   m_transport=transport;
   m_calls.Windows(windows);
  }
//--- whose session this is; one that was kept is resumed
void CSession::Account(const string url,const string account,const string auth_key)
  {
   m_url=url;
   m_account=account;
   m_auth_key=auth_key;
   m_attempt=0;
   m_wait_until=0;
   stopped="";
   refused="";
   live_once=false;
   Change(false);
   link.Renew();
   link.Greet();
   m_open=(m_vault.LoadSession() && CCalls::HostOf(m_vault.exchange_url)==CCalls::HostOf(url));
   if(!m_open)
      m_vault.ForgetSession();
   else if(m_store.session_id!=m_vault.session_id)
      m_store.Write("N",m_vault.session_id+" 1");
  }
void CSession::Stop(const string why)
  {
   stopped=why;
   Alert("EA Gateway stopped: ",why);
  }
void CSession::Forget(void)
  {
   m_open=false;
   m_vault.ForgetSession();
   link.Renew();
   link.Greet();
  }
//--- The pauses grow as long as nobody answers. A gateway that is back says what is to be done, which does not wait as long
//--- as one that is away.
void CSession::Reached(const bool answered)
  {
   if(answered && m_away)
      m_attempt=0;
   m_away=!answered;
  }
//--- with jitter; at least as long as the gateway told
void CSession::Wait(const long told_ms)
  {
   long told=MathMin(told_ms,(long)TOLD_MOST_MS);
   double most=MathMin((double)BACKOFF_MOST_MS,BACKOFF_MS*MathPow(2,MathMin(m_attempt,16)));
   long pause=(long)(m_random.Fraction()*most);
   if(told_ms>=0)
      pause=told+(long)(m_random.Fraction()*(double)MathMax((long)BACKOFF_MS,MathMin(told,(long)BACKOFF_MOST_MS)));
   m_attempt++;
   m_wait_until=m_clock.Monotonic()+pause;
   Print("EA Gateway: next try in ",pause," ms");
  }
//--- the terminal will hear nobody for so long: told now, by a call that asks for nothing else
void CSession::Announce(const long milliseconds)
  {
   if(link.Live())
     {
      link.Announce(milliseconds);
      Step();
     }
  }
//--- One call at most
void CSession::Step(void)
  {
   long now=m_clock.Monotonic();
   if(stopped!="" || now<m_wait_until || m_store.State()!=JOURNAL_READY)
      return;
   if(!m_open)
     {
      Open();
      return;
     }
   if(now<m_next_call && !link.Eager())
      return;
   if(m_began==0)
      m_began=now;
   Change(UsesSocket());
   bool busy=(m_store.ledger.Ready(now)>=0);  // an order that can be carried out is not held up by an answer that is
   int hold=(link.Live() && !master && !busy) ? HOLD_MS : 0;
   if(link.by_socket ? Talk(hold) : Call(hold))
      refused="";
   if(link.Live())
      live_once=true;
   if(link.closed!=0)
     {
      Follow();
      return;
     }
   now=m_clock.Monotonic();
   if(now-m_began>STABLE_MS)
     {
      m_attempt=0;
      m_penalties=0;
      m_renewals=0;
     }
   m_next_call=now+(link.Pending() ? PENDING_POLL_MS : (master || busy) ? MASTER_POLL_MS : 0);
  }
bool CSession::UsesSocket(void) const
  {
   if(m_windows==NULL || m_transport==CallsOnly || m_vault.stream_url=="" || !m_windows.Allowed())
      return(false);
   return(m_transport==SocketOnly || m_clock.Monotonic()>=m_calls_until);
  }
//--- the other way: a connection of its own, which begins with Hello
void CSession::Change(const bool to_socket)
  {
   if(link.by_socket==to_socket)
      return;
   if(m_windows!=NULL)
      m_windows.SocketClose();
   link.by_socket=to_socket;
   link.Greet();
  }
//--- one call over HTTP. False: nobody answered.
bool CSession::Call(const int hold_ms)
  {
   string body=link.Body(hold_ms);
   int hold=(StringFind(body,"{\"frames\":[]")==0) ? hold_ms : 0;
   if(!m_calls.Post(m_vault.exchange_url,m_vault.session_token,"",body,hold+CALL_MS))
     {
      link.Lost();
      return(false);
     }
   link.Hear(m_calls.status,m_calls.body);
   if(hold==0)
      link.ping_ms=m_calls.took_ms;
   return(true);
  }
//--- what waits goes out on the socket. False: it is broken.
bool CSession::SendAll(void)
  {
   string list[];
   link.Frames(list);
   for(int i=0; i<ArraySize(list); i++)
      if(!m_windows.SocketSend(list[i]))
         return(false);
   return(true);
  }
//--- The same over the socket: what waits, a Poll, and all that comes as far as the Idle behind it. So nothing is waited for
//--- that was not asked for, and a dead link shows by what we have sent ourselves.
bool CSession::Talk(const int hold_ms)
  {
   long began=m_clock.Monotonic();
   m_calls.error=0;
   m_calls.retry_after=-1;
   if(!m_windows.SocketIsOpen())
     {
      if(!m_windows.SocketOpen(m_vault.stream_url,"Authorization: Bearer "+m_vault.session_token+"\r\n",CALL_MS))
        {
         m_calls.error=m_windows.error;
         m_upgrades+=(m_windows.error==12007 || m_windows.error==12029) ? 0 : 1;
         link.Lost();
         if(m_upgrades>=UPGRADES)
            FallBack("the socket was refused twice");
         return(false);
        }
      m_upgrades=0;
      link.Greet();
     }
   bool quiet=!link.Eager();
   int hold=quiet ? hold_ms : 0;
   bool good=SendAll() && m_windows.SocketSend(link.Poll(hold));
   while(good && !link.idle && !IsStopped())
     {
      string text="";
      good=m_windows.SocketReceive();
      if(good)
         link.HearMessage(m_windows.heard);
      while(good && (link.Answer(text) || link.TestAnswer(text)))
         good=m_windows.SocketSend(text);
      if(m_clock.Monotonic()-began>hold+CALL_MS)
         break;  // a Poll that was not taken has no Idle: commands that came meanwhile must not wait for one
     }
   long took=m_clock.Monotonic()-began;
   if(!good)
     {
      link.Lost();
      if(m_windows.close_code!=0)
        {
         link.closed=m_windows.close_code;
         if(link.problem=="")
            link.problem=ProblemOfClose(link.closed);
        }
      m_calls.error=(m_windows.close_code!=0) ? 0 : m_windows.error;
     }
   else if(hold==0)
      link.ping_ms=took;
   if(took>hold+FREEZE_MS)
      FallBack("the socket did not answer for "+IntegerToString(took/1000)+" seconds");
   return(good);
  }
//--- a while by calls, which have a bound on their time
void CSession::FallBack(const string why)
  {
   m_upgrades=0;
   if(m_transport!=Automatic)
      return;
   m_calls_until=m_clock.Monotonic()+CALLS_FOR_MS;
   Print("EA Gateway: ",why,": calls for ",CALLS_FOR_MS/60000," minutes");
  }
//--- the table of close codes
void CSession::Follow(void)
  {
   int close=link.closed;
   long told=(link.retry_after>=0) ? link.retry_after : m_calls.retry_after;
   long pause=(close!=CLOSED_NETWORK && told>=0) ? told*1000 : -1;
   Reached(close!=CLOSED_NETWORK);
   m_began=0;
   if(close==CLOSED_NETWORK)
     {
      refused=(m_calls.error==4060 || m_calls.error==4014) ? MarketSentence(4060) : "";
      link.problem=(m_calls.error!=0) ? IntegerToString(m_calls.error) : "the connection was lost";
      link.problem_words=(m_calls.error!=0) ? MarketSentence(m_calls.error) : "";
      link.remedy="";
      if(link.foreign>0)
         Foreign(link.foreign);
     }
   Print("EA Gateway: link ended, ",close," ",link.problem);
   if(m_windows!=NULL)
      m_windows.SocketClose();
   ENext next=NextAfter(close);
   if(next==NEXT_PENALTY)
      m_penalties++;
   if(next==NEXT_RENEW_ONCE)
      m_renewals++;
   if(next==NEXT_STOP || m_penalties>PENALTIES || m_renewals>1)
     {
      Stop(link.problem+". "+ProblemSentence(link.problem));
      return;
     }
   if(next==NEXT_RESUME)
      link.Greet();
   else
      Forget();
   Wait(next==NEXT_PENALTY ? PENALTY_MS : pause);
  }
//--- an answer that has no code is not the gateway's
void CSession::Foreign(const int status)
  {
   link.problem="HTTP "+IntegerToString(status);
   link.problem_words=MarketSentence(status<500 ? 12152 : 12029);
  }
//--- POST /sessions; a call whose answer was lost is repeated under the same key of the request
void CSession::Open(void)
  {
   if(m_request_id=="")
      m_request_id=m_random.Uuid(m_clock.Wall());
   CJsonWriter json;
   json.Open("","{");
   json.Text("account_id",m_account);
   json.Text("auth_method","account_session_key");
   json.Text("auth_key",m_auth_key);
   json.Text("platform",m_broker.Platform());
   json.Text("ea_version",EA_VERSION);
   json.Open("environment","{");
   json.Integer("build",m_broker.Build());
   json.Text("transport",(m_windows!=NULL && m_transport!=CallsOnly && m_windows.Allowed()) ? "socket" : "exchange");
   json.Text("installation",m_store.installation);
   if(!m_broker.Hedging())
      json.Text("margin_mode","netting");
   json.Close("}");
   json.Close("}");
   string headers="Idempotency-Key: "+m_request_id+"\r\n";
   bool answered=m_calls.Post(m_url+"/ea-gateway/v1/sessions","",headers,json.Result(),OPEN_MS);
   bool read=(answered && m_json.Parse(m_calls.body,0,ArraySize(m_calls.body)));
   if(answered && m_calls.status==201 && read && Opened())
      return;
   Refused();
  }
bool CSession::Opened(void)
  {
   string url=m_json.Text(m_json.Find(0,"exchange_url"));
   string stream=m_json.Text(m_json.Find(0,"stream_url"));
   string id=m_json.Text(m_json.Find(0,"session_id"));
   long number=0;
   int pace=m_json.Find(0,"heartbeat");
   int limits=m_json.Find(0,"limits");
   m_request_id="";
   if(CCalls::HostOf(url)!=CCalls::HostOf(m_url))
     {
      Stop("the gateway names another host, "+CCalls::HostOf(url)+". Correct GatewayUrl.");
      return(true);
     }
   m_clock.Observe(m_json.Text(m_json.Find(0,"server_time")));
   m_vault.Clear();
   m_vault.session_id=id;
   m_vault.session_token=m_json.Text(m_json.Find(0,"session_token"));
   m_vault.exchange_url=url;
   if(CCalls::HostOf(CCalls::CallOf(stream))==CCalls::HostOf(m_url))
      m_vault.stream_url=stream;
   if(m_json.Integer(m_json.Find(pace,"interval_seconds"),number))
      m_vault.interval_seconds=(int)MathMax((long)1,MathMin(number,(long)3600));
   if(m_json.Integer(m_json.Find(pace,"timeout_seconds"),number))
      m_vault.timeout_seconds=(int)MathMax((long)1,MathMin(number,(long)3600));
   if(m_json.Integer(m_json.Find(limits,"intent_rate"),number))
      m_vault.intent_rate=(int)MathMax((long)1,MathMin(number,(long)1000));
   if(!IsWord(id) || m_vault.session_token=="" || !m_store.Write("N",id+" 1"))
      return(false);
   m_vault.KeepSession();
   link.Renew();
   link.Greet();
   m_open=true;
   m_began=0;
   m_next_call=0;
   refused="";
   return(true);
  }
void CSession::Refused(void)
  {
   string code=(m_calls.status>=400) ? m_json.Text(m_json.Find(0,"code")) : "";
   if(m_calls.status<100)
     {
      code=IntegerToString(m_calls.error);
      link.problem_words=MarketSentence(m_calls.error);
     }
   else
      link.problem_words=m_json.Text(m_json.Find(0,"title"));
   link.problem=code;
   if(code=="")
      Foreign(m_calls.status);
   link.remedy=(m_calls.status>=400) ? m_json.Text(m_json.Find(0,"remediation")) : "";
   refused=(m_calls.error==4060 || m_calls.error==4014) ? MarketSentence(4060) : "";
   Print("EA Gateway: no session, ",link.problem);
   Reached(m_calls.status>=100 && m_calls.status!=502 && m_calls.status!=504);
   if(refused!="")
     {
      m_wait_until=m_clock.Monotonic()+5000;
      return;
     }
   if(!PassingRefusal(code,m_calls.status))
     {
      Stop(link.problem+". "+ProblemSentence(link.problem));
      return;
     }
   if(code=="idempotency_key_reused")
      m_request_id="";
   Wait(m_calls.retry_after>=0 ? (long)m_calls.retry_after*1000 : -1);
  }
//--- What waits goes out, and the goodbye with it; two calls at most. On a socket nothing is waited for but the end of it,
//--- which Windows bounds.
void CSession::Leave(void)
  {
   if(!m_open || !link.Live() || stopped!="" || m_clock.Monotonic()-link.heard_at>2000)
      return;
   link.goodbye=true;
   for(int i=0; i<2 && !link.said_goodbye; i++)
     {
      if(link.by_socket)
        {
         if(!m_windows.SocketIsOpen() || !SendAll())
            return;
         continue;
        }
      string body=link.Body(0);
      if(!m_calls.Post(m_vault.exchange_url,m_vault.session_token,"",body,1000))
         return;
      link.Hear(m_calls.status,m_calls.body);
     }
   if(link.by_socket)
      m_windows.SocketClose();
   if(link.said_goodbye)
      m_vault.ForgetSession();
  }
#endif
