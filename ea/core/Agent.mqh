//+------------------------------------------------------------------+
//| Agent.mqh: the whole of it: what one pass of the timer does, and |
//| what the trader sees. Shared by MQL4 and MQL5.                   |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_AGENT
#define EAG_AGENT
#include "Executor.mqh"
#include "Panel.mqh"
#include "Session.mqh"

#define NETTING_WORDS  "This account nets its positions; copying from or to it is not supported."
#define NETTING_REMEDY "Ask your broker for a hedging account."

enum ERole { AsGatewaySays, MasterOnly, FollowerOnly };

//--- what the trader has set
struct SInputs
  {
   string            url;
   ERole             role;
   string            account_key;
   string            only_symbols;
   bool              show_panel;
   int               corner;
   bool              alerts;
   SGuards           guards;
  };

class CAgent
  {
private:
   CBroker          *m_broker;
   CWindows         *m_windows;
   ETransport        m_transport;
   CClock            m_clock;
   CRandom           m_random;
   CStore            m_store;
   CVault            m_vault;
   CBrokerClock      m_times;
   CWatcher          m_watcher;
   CExecutor         m_executor;
   CSession          m_session;
   CPanel            m_panel;
   CAlerts           m_alerts;
   SInputs           m_inputs;
   string            m_account;
   string            m_account_key;
   string            m_refused;
   string            m_note;
   string            m_told_guards;
   bool              m_open;
   long              m_next_try;
   long              m_panel_at;
   bool              m_was_live;
   string            m_since;

   static string     Encoded(const string text);
   string            Logged(void);
   bool              Identity(void);
   void              CarryOut(void);
   bool              OpenAccount(void);
   bool              Installation(void);
   bool              Key(void);
   bool              Master(void) const;
   bool              MayScan(void) const;
   void              Scan(void);
   void              Limits(void);
   void              Watch(void);
   string            StateLine(void);
   string            ProblemLine(string &todo);
   void              Lines(string &lines[]);

public:
                     CAgent(void);
   void              Windows(CWindows *windows,const ETransport transport);
   string            Begin(CBroker *broker,const SInputs &inputs);
   void              Pass(void);
   void              Tick(void);
   void              End(const bool leaves);
  };
CAgent::CAgent(void)
  {
   m_broker=NULL;
   m_windows=NULL;
   m_transport=CallsOnly;
   m_account="";
   m_account_key="";
   m_refused="";
   m_note="";
   m_told_guards="";
   m_open=false;
   m_next_try=0;
   m_panel_at=-1000;
   m_was_live=false;
   m_since="";
  }
//--- before Begin, in a program that has DLLs
void CAgent::Windows(CWindows *windows,const ETransport transport)
  {
   m_windows=windows;
   m_transport=transport;
   m_session.Windows(windows,transport);
   m_vault.Windows(windows);
   uchar bytes[];
   if(m_windows.Allowed() && m_windows.Random(bytes,64))
      m_random.Seed(bytes);
  }
//--- "", or what is wrong with the inputs
string CAgent::Begin(CBroker *broker,const SInputs &inputs)
  {
   m_broker=broker;
   m_inputs=inputs;
   if(StringSubstr(m_inputs.url,StringLen(m_inputs.url)-1)=="/")
      m_inputs.url=StringSubstr(m_inputs.url,0,StringLen(m_inputs.url)-1);
   if(!CCalls::IsSafe(m_inputs.url))
      return("GatewayUrl must begin with https:// and name your gateway");
   if(m_inputs.account_key!="" && StringLen(m_inputs.account_key)<22)
      return("AccountKey is too short: leave it empty, or paste the whole key");
   if(m_inputs.guards.max_slippage_points<0 || m_inputs.guards.max_lots<0 || m_inputs.guards.max_open_copies<0
      || m_inputs.guards.min_equity<0 || m_inputs.guards.max_spread_points<0)
      return("a limit is below 0");
   if(m_inputs.role==MasterOnly)
      m_inputs.guards.pause_opening=true;
   m_alerts.on=m_inputs.alerts;
   m_panel.Begin(m_inputs.corner);
   m_watcher.Begin(GetPointer(m_store),m_broker,GetPointer(m_clock),GetPointer(m_random),GetPointer(m_times));
   m_executor.Begin(GetPointer(m_store),m_broker,GetPointer(m_clock),GetPointer(m_random),GetPointer(m_times));
   m_executor.guards=m_inputs.guards;
   m_session.Begin(GetPointer(m_store),m_broker,GetPointer(m_clock),GetPointer(m_random),GetPointer(m_watcher),GetPointer(m_vault),GetPointer(m_times));
   m_session.link.only_symbols=m_inputs.only_symbols;
   FolderCreate(EA_FOLDER);
   m_random.Text(TerminalInfoString(TERMINAL_DATA_PATH)+IntegerToString(ChartID())+IntegerToString((long)TimeLocal()));
   return("");
  }
//--- printable ASCII without what file names and account ids cannot have; the rest as %XX of its UTF-8
string CAgent::Encoded(const string text)
  {
   uchar bytes[];
   int count=TextToBytes(text,bytes);
   string done="";
   for(int i=0; i<count; i++)
     {
      uchar c=bytes[i];
      bool plain=(c>='0' && c<='9') || (c>='A' && c<='Z') || (c>='a' && c<='z') || c=='-' || c=='_' || c=='.';
      string hex=HexText((ulong)c,2);
      StringToUpper(hex);
      done+=plain ? CharToString(c) : "%"+hex;
     }
   return(done);
  }
//--- the account to which the terminal is logged in now; "" while it is none
string CAgent::Logged(void)
  {
   long login=m_broker.Login();
   string server=m_broker.Server();
   return((login<=0 || server=="") ? "" : Encoded(server)+":"+IntegerToString(login));
  }
//--- whether the terminal is logged in to the account that is open here
bool CAgent::Identity(void)
  {
   string account=Logged();
   if(account=="")
      return(false);
   if(account!=m_account)
     {
      if(m_open)
         Print("EA Gateway: another account, ",account);
      m_store.Close();
      m_open=false;
      m_told_guards="";
      m_executor.guards=m_inputs.guards;
      m_account=account;
      m_account_key="";
      m_next_try=0;
     }
   if(!m_open && m_clock.Monotonic()>=m_next_try)
      m_open=OpenAccount();
   return(m_open);
  }
//--- journal, key, and the session that was kept
bool CAgent::OpenAccount(void)
  {
   string base=m_account;
   StringReplace(base,":","_");
   base=EA_FOLDER+"\\"+base;
   m_next_try=m_clock.Monotonic()+5000;
   m_vault.Begin(base);
   string unwritten="The journal cannot be written: the disk is full, or not allowed.";
   if(!m_store.Open(base,GetPointer(m_clock)))
     {
      m_refused=(m_store.State()==JOURNAL_IN_USE) ? "This account is already served by another chart or terminal." : unwritten;
      return(false);
     }
   if(!Key())
     {
      m_store.Close();
      return(false);
     }
   if(!Installation() || (m_store.Size()>JOURNAL_BYTES/4 && !m_store.Compact()))
     {
      m_refused=unwritten;
      m_store.Close();
      return(false);
     }
   m_refused="";
   m_times.Forget();
   m_watcher.Account(m_broker.Login(),m_broker.Server());
   m_executor.Account(m_broker.Login(),m_broker.Server());
   m_session.Account(m_inputs.url,m_account,m_account_key);
   return(true);
  }
//--- A copy of the folder in another place, or what is left of a damaged journal, is another installation
bool CAgent::Installation(void)
  {
   string path=TerminalInfoString(TERMINAL_DATA_PATH);
   StringReplace(path,"\t"," ");
   if(m_store.Damaged())
      m_alerts.Say("damaged","the journal was damaged. A copy is kept beside it.",m_clock.Monotonic());
   if(m_store.installation!="" && m_store.data_path==path && !m_store.Damaged())
      return(true);
   m_note="a new installation";
   return(m_store.Write("I",m_random.Uuid(m_clock.Wall())+"\t"+path));
  }
//--- The key that was given, or kept, or is made now from what a clock cannot foretell
bool CAgent::Key(void)
  {
   m_account_key=(m_inputs.account_key!="") ? m_inputs.account_key : m_vault.Key();
   if(m_account_key!="")
     {
      if(m_inputs.account_key=="" && m_windows!=NULL && m_windows.Allowed() && !m_vault.KeyIsWrapped())
         m_vault.KeepKey(m_account_key);
      return(true);
     }
   if(m_vault.KeyIsWrapped())
     {
      m_refused="The key was wrapped by Windows and cannot be read: allow DLLs, log in as the user who made it, or set AccountKey.";
      return(false);
     }
   m_random.Collect(EA_FOLDER+"\\noise",1024);
   m_refused="Collecting randomness for the key.";
   m_next_try=m_clock.Monotonic();
   if(!m_random.Ready())
      return(false);
   uchar bytes[];
   m_random.Bytes(bytes);
   string made=CRandom::Base64Url(bytes);
   if(!m_vault.KeepKey(made))
     {
      m_refused="The key cannot be written: the disk is full, or not allowed.";
      return(false);
     }
   m_account_key=made;
   return(true);
  }
bool CAgent::Master(void) const
  {
   if(m_inputs.role==AsGatewaySays)
      return(m_store.role=="master");
   return(m_inputs.role==MasterOnly);
  }
//--- nothing of a stranger's trades is written down before the gateway has said what this account is, and nothing of an
//--- account that nets its positions
bool CAgent::MayScan(void) const
  {
   if(!m_broker.Hedging())
      return(false);
   return(m_inputs.role!=AsGatewaySays || m_store.role!="");
  }
void CAgent::Scan(void)
  {
   if(!MayScan())
      return;
   bool first=!m_store.HasBaseline();
   if(!m_watcher.Scan(Master()) || !first)
      return;
   SRow rows[];
   int open=m_watcher.Rows(rows);
   m_note=IntegerToString(open)+" open trades will not be copied";
   Print("EA Gateway: watching, ",m_note);
  }
//--- the gateway's limits hold beside one's own, also before it is heard of again
void CAgent::Limits(void)
  {
   if(m_store.guards==m_told_guards)
      return;
   m_told_guards=m_store.guards;
   SGuards told=GuardsTold(m_told_guards);
   m_executor.guards=Stricter(m_inputs.guards,told);
  }
//--- Orders: at least one, however long the gateway took. The account may have been switched meanwhile: the executor asks
//--- before each order and behind it.
void CAgent::CarryOut(void)
  {
   long began=m_clock.Monotonic();
   for(int i=0; i<20 && (i==0 || m_clock.Monotonic()-began<ORDERS_MS) && !IsStopped(); i++)
     {
      long busy=m_executor.BusyFor();
      if(busy>0)
         m_session.Announce(busy);
      if(!m_executor.Step())
         return;
     }
  }
//--- One pass: the book, the gateway, the orders, and the gateway again if there is something to tell
void CAgent::Pass(void)
  {
   if(m_broker.Testing())
      m_refused="This program does not run in the strategy tester.";
   else if(m_transport==SocketOnly && !m_windows.Allowed())
      m_refused="A socket needs DLLs: tick Allow DLL imports, or set Transport to Automatic.";
   else if(Identity())
     {
      m_session.master=Master();
      Scan();
      m_session.Step();
      Limits();
      if(m_session.live_once && m_session.stopped=="" && m_store.State()==JOURNAL_READY)
        {
         CarryOut();
         if(m_store.outbox.Count()>0 && m_session.link.Eager() && Logged()==m_account)
            m_session.Step();
        }
      if(m_store.Size()>JOURNAL_BYTES && m_store.outbox.Count()==0 && m_store.ledger.Unfinished()==0)
         m_store.Compact();
      if(m_store.State()==JOURNAL_FULL)
        {
         m_refused="The disk is full: nothing can be written down, so nothing is done.";
         m_store.Close();
         m_open=false;
         m_next_try=m_clock.Monotonic()+5000;
        }
     }
   Watch();
   long after=m_clock.Monotonic();
   if(m_inputs.show_panel && after-m_panel_at>=500)
     {
      string lines[];
      Lines(lines);
      m_panel.Show(lines);
      m_panel_at=after;
     }
  }
//--- a price came: look at the book, unless it was just looked at
void CAgent::Tick(void)
  {
   if(m_open && m_refused=="" && m_clock.Monotonic()-m_watcher.Scanned()>=SCAN_MS)
      Scan();
  }
//--- what a person should be called for
void CAgent::Watch(void)
  {
   long now=m_clock.Monotonic();
   if(m_refused!="" && StringFind(m_refused,"Collecting")<0)
      m_alerts.Say("refused"+m_refused,m_refused,now);
   if(m_open && !m_broker.Hedging())
      m_alerts.Say("netting",NETTING_WORDS+" "+NETTING_REMEDY,now);
   if(m_session.refused!="")
      m_alerts.Say("url",m_session.refused+" "+CCalls::HostOf(m_inputs.url),now);
   if(m_executor.guard_said!="")
     {
      m_alerts.Say(m_executor.guard_said,m_executor.guard_said,now);
      m_executor.guard_said="";
     }
   long waiting=m_executor.WaitingSince();
   if(waiting>=0 && now-waiting>30000)
      m_alerts.Say("waiting","commands wait: "+(m_broker.Connected() ? "trading is not allowed." : "no connection to the broker."),now);
   bool live=m_session.link.Live();
   if(live && !m_was_live)
     {
      m_since=TimeToString(TimeLocal(),TIME_MINUTES);
      Print("EA Gateway: LIVE as ",m_session.link.role);
     }
   m_was_live=live;
  }
string CAgent::StateLine(void)
  {
   if(m_refused!="")
      return("REFUSED - "+m_refused);
   if(m_session.stopped!="")
      return("STOPPED - "+m_session.stopped);
   if(m_session.refused!="")
      return("REFUSED - the gateway's address is not allowed");
   if(m_open && !m_broker.Hedging())
      return("REFUSED - "+NETTING_WORDS);
   if(m_session.link.Live())
      return("LIVE as "+m_session.link.role+", since "+m_since);
   if(m_session.link.Pending())
      return("WAITING FOR APPROVAL - tell your operator: account "+m_account+", key "+m_random.Fingerprint(m_account_key));
   if(m_session.WaitMs()>0)
      return("WAITING "+IntegerToString(m_session.WaitMs()/1000+1)+" s for the next try");
   return(m_session.HasSession() ? "GREETING the gateway" : "OPENING a session");
  }
//--- the most important problem, and what to do
string CAgent::ProblemLine(string &todo)
  {
   todo="";
   if(m_refused!="" || m_session.stopped!="")
     {
      todo=(m_session.link.remedy!="") ? m_session.link.remedy : "See the line above; attach the program again when it is solved.";
      return(m_refused!="" ? m_refused : m_session.stopped);
     }
   if(m_session.refused!="")
     {
      todo=m_session.refused+" "+CCalls::HostOf(m_inputs.url);
      return("WebRequest to the gateway is not allowed");
     }
   if(m_open && !m_broker.Hedging())
     {
      todo=NETTING_REMEDY;
      return(NETTING_WORDS);
     }
   if(!m_broker.Connected())
     {
      todo=MarketSentence(6);
      return("no connection to the broker");
     }
   if(!m_broker.TradeAllowed())
     {
      todo="Press the "+(m_broker.Platform()=="mt5" ? "Algo Trading" : "AutoTrading")+" button in the toolbar.";
      return("AutoTrading is off");
     }
   if(MayScan() && m_watcher.Blind())
     {
      todo="Restart the terminal. If it stays so, tell your broker.";
      return("the terminal's list of orders cannot be read: nothing is copied");
     }
   if(m_session.link.problem=="")
      return("");
   string sentence=ProblemSentence(m_session.link.problem);
   todo=(sentence!="") ? sentence : m_session.link.problem_words;
   return(m_session.link.problem+(m_session.link.remedy!="" ? ": "+m_session.link.remedy : ""));
  }
void CAgent::Lines(string &lines[])
  {
   ArrayResize(lines,PANEL_LINES);
   long now=m_clock.Monotonic();
   int copies=0;
   SRow rows[];
   int count=m_store.Rows(rows);
   for(int i=0; i<count; i++)
      if(IsCopy(rows[i].magic))
         copies++;
   string todo="";
   string problem=ProblemLine(todo);
   string heard=(m_session.link.heard_at<0) ? "no answer yet" : "last answer "+DoubleToString((double)(now-m_session.link.heard_at)/1000.0,1)+" s ago";
   lines[0]="EA Gateway "+EA_VERSION+" - "+m_account;
   lines[1]=StateLine();
   lines[2]="Broker "+(m_broker.Connected() ? "ok" : "AWAY")+"  Trading "+(m_broker.TradeAllowed() ? "allowed" : "NOT ALLOWED")
            +(m_windows==NULL ? "  DLL not needed" : m_windows.Allowed() ? "  DLL ok" : "  DLL OFF: no socket");
   lines[3]="Gateway "+(m_session.link.ping_ms<0 ? "-" : IntegerToString(m_session.link.ping_ms)+" ms")+"  via "+m_session.Way()+"  "+heard;
   lines[4]="Copies "+IntegerToString(copies)+" open, "+IntegerToString(m_store.ledger.Unfinished())+" waiting   Sent "
            +IntegerToString(MathMax((long)0,m_store.outbox.First()-1))+", unconfirmed "+IntegerToString(m_store.outbox.Count());
   lines[5]="Last: "+(m_executor.last!="" ? m_executor.last : m_note!="" ? m_note : "-");
   lines[6]="Trend: "+(m_session.link.strategies!="" ? m_session.link.strategies : "-");
   lines[7]=(problem=="") ? "" : "Problem: "+problem;
   lines[8]=(todo=="") ? "" : "Do: "+todo;
  }
//--- `leaves`: the program is taken from the chart; else it comes back, and resumes
void CAgent::End(const bool leaves)
  {
   if(leaves && m_open)
      m_session.Leave();
   m_store.Close();
   m_panel.Remove();
  }
#endif
