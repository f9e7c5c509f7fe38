//+------------------------------------------------------------------+
//| Ledger.mqh: what the gateway ordered, and how far each command   |
//| came. R received, S being sent, D done, V void. What is in it is |
//| in the journal. Shared by MQL4 and MQL5.                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_LEDGER
#define EAG_LEDGER
#include "Config.mqh"
#include "Json.mqh"

//--- one OrderCommand; `deviation` -1: not told
struct SCommand
  {
   string            id;
   string            action;
   int               copy_no;
   long              magic;
   long              position;
   string            symbol;
   string            side;
   int               attempt;
   string            order_type;
   double            lots;
   double            price;
   bool              has_price;
   int               deviation;
   double            sl;
   bool              has_sl;
   double            tp;
   bool              has_tp;
   string            expiry;
   long              valid_until;
   double            lots_before;
   double            lots_after;
   long              ticket;
  };

//--- `since`: the moment of the present state, by the wall clock. `told`: the gateway knows of the doubt. `begun`: an order
//--- was sent that the broker has not refused. `not_before`, `first_try`, `nowhere`: by the monotonic clock, of this run only;
//--- the last is when what is to be closed was first found in neither list.
struct SEntry
  {
   string            epoch;
   long              seq;
   string            frame_id;
   string            state;
   SCommand          command;
   string            payload;
   long              since;
   bool              told;
   bool              begun;
   long              not_before;
   long              first_try;
   long              nowhere;
   int               refusals;
  };

bool IsOpening(const string action)
  {
   return(action=="open" || action=="place");
  }
//--- what a command says; false if it lacks what it needs
bool ReadCommand(const CJson &json,const int node,SCommand &command)
  {
   long number=0;
   command.id=json.Text(json.Find(node,"command_id"));
   command.action=json.Text(json.Find(node,"action"));
   command.symbol=json.Text(json.Find(node,"symbol"));
   command.side=json.Text(json.Find(node,"side"));
   command.order_type=json.Text(json.Find(node,"order_type"));
   command.expiry=json.Text(json.Find(node,"expiry"));
   if(command.order_type=="")
      command.order_type="market";
   command.copy_no=json.Integer(json.Find(node,"copy_no"),number) ? (int)number : 0;
   command.magic=json.Integer(json.Find(node,"magic"),number) ? number : 0;
   command.position=json.Integer(json.Find(node,"position_id"),number) ? number : 0;
   command.attempt=json.Integer(json.Find(node,"attempt"),number) ? (int)number : 1;
   command.ticket=json.Integer(json.Find(node,"ticket"),number) ? number : 0;
   command.deviation=json.Integer(json.Find(node,"deviation_points"),number) ? (int)number : -1;
   command.lots=ReadNumber(json,node,"lots");
   command.price=ReadNumber(json,node,"price");
   command.has_price=(command.price>0);
   command.sl=ReadNumber(json,node,"sl");
   command.has_sl=(json.Kind(json.Find(node,"sl"))==JSON_STRING);
   command.tp=ReadNumber(json,node,"tp");
   command.has_tp=(json.Kind(json.Find(node,"tp"))==JSON_STRING);
   command.lots_before=ReadNumber(json,node,"lots_before");
   command.lots_after=ReadNumber(json,node,"lots_after");
   command.valid_until=TimeValue(json.Text(json.Find(node,"valid_until")));
   return(IsWord(command.id) && command.action!="" && command.copy_no>0 && command.magic>0);
  }
double ReadNumber(const CJson &json,const int node,const string name)
  {
   string text="";
   if(!json.Decimal(json.Find(node,name),text))
      return(0);
   return(StringToDouble(text));
  }

class CLedger
  {
private:
   SEntry            m_entries[];
   int               m_count;
   bool              Holds(const SCommand &sent,const SCommand &waiting) const;

public:
   string            epoch;
   long              head;
   string            head_id;
   int               max_copy_no;

                     CLedger(void) { Clear(); }
   void              Clear(void);
   int               Count(void) const { return(m_count); }
   bool              At(const int place,SEntry &entry) const;
   void              Set(const int place,const SEntry &entry) { m_entries[place]=entry; }
   void              Add(const SEntry &entry);
   int               Find(const string id,const int attempt) const;
   int               FindSeq(const long seq) const;
   int               Ready(const long now) const;
   int               InDoubt(const long now) const;
   int               Tries(const SCommand &command) const;
   int               Unfinished(void) const;
   bool              ClosingInDoubt(const long magic) const;
   bool              OpeningInDoubt(const long magic) const;
   long              Applied(void) const;
   void              Void(const long from,const long next);
   void              Adopt(const string name);
   void              Forget(void);
  };
void CLedger::Clear(void)
  {
   m_count=0;
   ArrayResize(m_entries,0);
   epoch="";
   head=0;
   head_id="";
   max_copy_no=0;
  }
bool CLedger::At(const int place,SEntry &entry) const
  {
   if(place<0 || place>=m_count)
      return(false);
   entry=m_entries[place];
   return(true);
  }
void CLedger::Add(const SEntry &entry)
  {
   ArrayResize(m_entries,m_count+1,256);
   m_entries[m_count]=entry;
   m_count++;
  }
int CLedger::Find(const string id,const int attempt) const
  {
   for(int i=m_count-1; i>=0; i--)
      if(m_entries[i].command.id==id && m_entries[i].command.attempt==attempt)
         return(i);
   return(-1);
  }
int CLedger::FindSeq(const long seq) const
  {
   for(int i=m_count-1; i>=0; i--)
      if(m_entries[i].seq==seq && m_entries[i].epoch==epoch)
         return(i);
   return(-1);
  }
//--- Whether a doubt about `sent` stands in the way of `waiting`: of the same copy only. Nothing is known of a copy whose
//--- opening is in doubt; a part must not be closed twice; the rest says which state it should lead to.
bool CLedger::Holds(const SCommand &sent,const SCommand &waiting) const
  {
   if(sent.copy_no!=waiting.copy_no)
      return(false);
   if(sent.action=="partial_close")
      return(waiting.action=="partial_close");
   return(IsOpening(sent.action) || sent.action=="activate");
  }
//--- the oldest command of a copy that may be begun now, or -1
int CLedger::Ready(const long now) const
  {
   for(int i=0; i<m_count; i++)
     {
      if(m_entries[i].state!="R" || m_entries[i].not_before>now)
         continue;
      bool held=false;
      for(int k=0; k<m_count && !held; k++)
        {
         if(m_entries[k].state=="S")
            held=Holds(m_entries[k].command,m_entries[i].command);
         if(m_entries[k].state=="R" && k<i)
            held=(m_entries[k].command.copy_no==m_entries[i].command.copy_no);
        }
      if(!held)
         return(i);
     }
   return(-1);
  }
int CLedger::InDoubt(const long now) const
  {
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="S" && m_entries[i].not_before<=now)
         return(i);
   return(-1);
  }
//--- how many orders to open this copy were sent and not refused
int CLedger::Tries(const SCommand &command) const
  {
   int tries=0;
   for(int i=0; i<m_count; i++)
      if(m_entries[i].begun && IsOpening(m_entries[i].command.action) && m_entries[i].command.copy_no==command.copy_no
         && m_entries[i].command.position==command.position)
         tries++;
   return(tries);
  }
int CLedger::Unfinished(void) const
  {
   int waiting=0;
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="R" || m_entries[i].state=="S")
         waiting++;
   return(waiting);
  }
bool CLedger::ClosingInDoubt(const long magic) const
  {
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="S" && m_entries[i].command.magic==magic && !IsOpening(m_entries[i].command.action)
         && m_entries[i].command.action!="modify")
         return(true);
   return(false);
  }
bool CLedger::OpeningInDoubt(const long magic) const
  {
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="S" && m_entries[i].command.magic==magic && IsOpening(m_entries[i].command.action))
         return(true);
   return(false);
  }
//--- the highest number of this log up to which every command has its outcome
long CLedger::Applied(void) const
  {
   long applied=head;
   for(int i=0; i<m_count; i++)
      if((m_entries[i].state=="R" || m_entries[i].state=="S") && m_entries[i].epoch==epoch)
         applied=MathMin(applied,m_entries[i].seq-1);
   return(applied);
  }
//--- numbers that carry nothing: what was not begun of them is withdrawn; S and D win
void CLedger::Void(const long from,const long next)
  {
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="R" && m_entries[i].epoch==epoch && m_entries[i].seq>=from && m_entries[i].seq<next)
         m_entries[i].state="V";
   if(next-1>head)
     {
      head=next-1;
      head_id="";
     }
  }
//--- a new log begins at number 1
void CLedger::Adopt(const string name)
  {
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="R")
         m_entries[i].state="V";
   epoch=name;
   head=0;
   head_id="";
  }
//--- what ended long ago is dropped; what waits stays
void CLedger::Forget(void)
  {
   int ended=0;
   for(int i=0; i<m_count; i++)
      if(m_entries[i].state=="D" || m_entries[i].state=="V")
         ended++;
   int drop=ended-LEDGER_KEPT;
   int kept=0;
   for(int k=0; k<m_count; k++)
     {
      bool over=(m_entries[k].state=="D" || m_entries[k].state=="V");
      if(over && drop>0)
        {
         drop--;
         continue;
        }
      if(kept!=k)
         m_entries[kept]=m_entries[k];
      kept++;
     }
   m_count=kept;
   ArrayResize(m_entries,m_count,256);
  }
#endif
