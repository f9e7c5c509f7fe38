//+------------------------------------------------------------------+
//| Store.mqh: everything of an account that must survive: outbox,   |
//| ledger, baseline of the book. It is the fold of the journal: a   |
//| record is written first, and then applied, by the same function  |
//| that applies it after a start. Shared by MQL4 and MQL5.          |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_STORE
#define EAG_STORE
#include "Journal.mqh"
#include "Outbox.mqh"
#include "Ledger.mqh"
#include "Ended.mqh"
#include "Lineage.mqh"
#include "Clock.mqh"

#define OURS_KEPT 2000
#define ENDED_ROWS 100

class CStore
  {
private:
   CJournal          m_journal;
   CJson             m_json;
   CClock           *m_clock;
   string            m_record;
   long              m_ours[];
   int               m_ours_count;
   SRow              m_rows[];
   int               m_rows_count;
   bool              m_baseline;
   long              m_stamp;
   long              m_left;

   void              Reset(void);
   void              Apply(const string kind,const string fields);
   void              ApplyCommand(const string kind,const string &parts[]);
   void              ApplyState(const string kind,const string &words[]);
   void              ApplyKept(const string fields);
   void              ApplyBaseline(const string kind,const string &words[]);
   void              Part(const string part);
   void              ReadInto(const string payload,SEntry &entry);
   void              SetRow(const SRow &row);
   void              DropRow(const long ticket);
   void              AddOurs(const long ticket);
   string            Rest(const string fields,const int words) const;
   static string     RowText(const SRow &row);
   static bool       RowOf(const string text,SRow &row);
   static string     Short(const SEntry &entry);
   string            EndedText(const int first) const;
   void              Put(string &kinds[],string &fields[],int &count,const string kind,const string text) const;

public:
   COutbox           outbox;
   CLedger           ledger;
   CEnded            ended;
   string            installation;
   string            data_path;
   string            role;
   string            guards;
   string            session_id;
   long              highest;
   long              highest_deal;

                     CStore(void) { m_clock=NULL; Reset(); }
   bool              Open(const string name,CClock *clock);
   void              Close(void) { m_journal.Close(); Reset(); }
   EJournalState     State(void) const { return(m_journal.State()); }
   bool              Damaged(void) const { return(m_journal.Damaged()); }
   bool              Write(const string kind,const string fields);
   void              Begin(const string fields) { m_record=fields; }
   void              WithFrame(const SFrame &frame) { m_record+="\tF"+COutbox::Encode(frame); }
   void              WithRow(const SRow &row) { m_record+="\t+"+RowText(row); }
   void              WithoutRow(const long ticket) { m_record+="\t-"+IntegerToString(ticket); }
   void              WithOurs(const long ticket) { m_record+="\tX"+IntegerToString(ticket); }
   void              WithBooked(const long deal) { m_record+="\tY"+IntegerToString(deal); }
   bool              IsBooked(const long ticket,const long deal) const { return(deal>0 ? ticket<=highest_deal : ended.Knows(ticket)); }
   bool              Commit(const string kind) { return(Write(kind,m_record)); }
   bool              HasBaseline(void) const { return(m_baseline); }
   bool              IsOurs(const long ticket) const;
   int               Rows(SRow &rows[]) const;
   long              Stamp(void) const { return(m_stamp); }
   long              Left(void) const { return(m_left); }
   bool              TakeBaseline(const SRow &rows[],const long known,const long deal);
   bool              Compact(void);
   ulong             Size(void) const { return(m_journal.Size()); }
  };
void CStore::Reset(void)
  {
   m_record="";
   m_ours_count=0;
   ArrayResize(m_ours,0);
   m_rows_count=0;
   ArrayResize(m_rows,0);
   m_baseline=false;
   m_stamp=0;
   m_left=0;
   outbox.Clear();
   ledger.Clear();
   ended.Clear();
   installation="";
   data_path="";
   role="";
   guards="";
   session_id="";
   highest=0;
   highest_deal=0;
  }
//--- False: another program has the journal, or the disk fails: see State()
bool CStore::Open(const string name,CClock *clock)
  {
   Reset();
   m_clock=clock;
   if(!m_journal.Open(name))
      return(false);
   for(int i=0; i<m_journal.Count(); i++)
      Apply(m_journal.Kind(i),m_journal.Fields(i));
   m_left=m_stamp;
   m_journal.Release();
   return(true);
  }
//--- Durable first, then true here. False: nothing was written, and nothing may follow from it.
bool CStore::Write(const string kind,const string fields)
  {
   string line=fields;
   StringReplace(line,"\n"," ");
   if(!m_journal.Append(kind,line))
      return(false);
   Apply(kind,line);
   return(true);
  }
void CStore::Apply(const string kind,const string fields)
  {
   string parts[],words[];
   StringSplit(fields,'\t',parts);
   if(ArraySize(parts)==0)
     {
      ArrayResize(parts,1);
      parts[0]="";
     }
   StringSplit(parts[0],' ',words);
   if(kind=="R" || kind=="S" || kind=="Q" || kind=="U" || kind=="D")
      ApplyCommand(kind,parts);
   else if(kind=="Z")
      ApplyKept(fields);
   else if(kind=="O" || kind=="B" || kind=="C")
      ApplyBaseline(kind,words);
   else if(kind=="I")
     {
      installation=parts[0];
      data_path=(ArraySize(parts)>1) ? parts[1] : "";
      return;
     }
   else if(kind=="W")
      guards=parts[0];
   else
      ApplyState(kind,words);
   for(int i=1; i<ArraySize(parts); i++)
      Part(parts[i]);
  }
//--- numbers and names
void CStore::ApplyState(const string kind,const string &words[])
  {
   int count=ArraySize(words);
   if(count<1)
      return;
   if(kind=="K")
      role=words[0];
   if(kind=="E")
      ledger.Adopt(words[0]);
   if(kind=="P")
     {
      highest=MathMax(highest,StringToInteger(words[0]));
      ended.Raise(StringToInteger(words[count>1 ? 1 : 0]));  // an older program wrote no floor, and knew no ticket below
     }
   if(kind=="A")
      outbox.Acknowledge(StringToInteger(words[0]));
   if(kind=="N" && count>1)
     {
      session_id=words[0];
      outbox.Renumber(StringToInteger(words[1]));
     }
   if(kind=="G" && count>1)
      ledger.Void(StringToInteger(words[0]),StringToInteger(words[1]));
   if(kind=="H" && count>1)
     {
      ledger.head=StringToInteger(words[0]);
      ledger.max_copy_no=(int)StringToInteger(words[1]);
      ledger.head_id=(count>2) ? words[2] : "";
     }
  }
void CStore::ApplyBaseline(const string kind,const string &words[])
  {
   if(ArraySize(words)<1)
      return;
   long number=StringToInteger(words[0]);
   if(kind=="O")
      m_stamp=number;
   if(kind=="B" && number==0)
     {
      m_rows_count=0;
      m_baseline=false;
     }
   if(kind=="C")
     {
      m_baseline=true;
      highest=MathMax(highest,number);
      ended.Raise(number);
     }
  }
//--- what stands behind the first words, blanks and all
string CStore::Rest(const string fields,const int words) const
  {
   int at=0;
   for(int i=0; i<words; i++)
     {
      at=StringFind(fields," ",at)+1;
      if(at==0)
         return("");
     }
   return(StringSubstr(fields,at));
  }
void CStore::ReadInto(const string payload,SEntry &entry)
  {
   uchar bytes[];
   int count=TextToBytes(payload,bytes);
   entry.payload=payload;
   if(m_json.Parse(bytes,0,count))
      ReadCommand(m_json,0,entry.command);
  }
void CStore::ApplyCommand(const string kind,const string &parts[])
  {
   string words[];
   StringSplit(parts[0],' ',words);
   if(ArraySize(words)<2)
      return;
   SEntry entry={};
   if(kind=="R")
     {
      entry.epoch=ledger.epoch;
      entry.seq=StringToInteger(words[0]);
      entry.frame_id=words[1];
      entry.state="R";
      entry.since=StringToInteger(words[2]);
      m_stamp=entry.since;
      ledger.head=entry.seq;
      ledger.head_id=entry.frame_id;
      ReadInto(Rest(parts[0],3),entry);
      if(entry.command.copy_no>ledger.max_copy_no)
         ledger.max_copy_no=entry.command.copy_no;
      int known=ledger.Find(entry.command.id,entry.command.attempt);
      SEntry before;
      if(known<0)
         ledger.Add(entry);
      else if(ledger.At(known,before) && before.epoch!=entry.epoch)
        {
         // ordered again under a new log: what was dropped is revived; what was begun or done is asked about
         entry.state=(before.state=="V") ? "R" : "S";
         entry.told=(before.state=="S") && before.told;
         entry.begun=before.begun;
         ledger.Set(known,entry);
        }
      return;
     }
   int place=ledger.Find(words[0],(int)StringToInteger(words[1]));
   if(!ledger.At(place,entry))
      return;
   if(kind=="S")
     {
      entry.state="S";
      entry.begun=true;
     }
   if(kind=="Q")
     {
      entry.state="R";
      entry.begun=false;
     }
   if(kind=="U")
      entry.told=true;
   if(kind=="D")
     {
      entry.state="D";
      entry.payload="";
      if(words[2]=="1")
         entry.begun=false;
     }
   if(kind=="S" || kind=="D")
     {
      entry.since=StringToInteger(words[3]);
      m_stamp=entry.since;
     }
   ledger.Set(place,entry);
  }
void CStore::Part(const string part)
  {
   string mark=StringSubstr(part,0,1);
   string text=StringSubstr(part,1);
   SFrame frame;
   SRow row={};
   if(mark=="F" && COutbox::Decode(text,frame))
      outbox.Add(frame);
   if(mark=="+" && RowOf(text,row))
      SetRow(row);
   if(mark=="-")
      DropRow(StringToInteger(text));
   if(mark=="X")
      AddOurs(StringToInteger(text));
   if(mark=="V")
      ended.Add(StringToInteger(text));
   if(mark=="Y")
      highest_deal=MathMax(highest_deal,StringToInteger(text));
  }
void CStore::SetRow(const SRow &row)
  {
   highest=MathMax(highest,row.ticket);
   int at=0;
   while(at<m_rows_count && m_rows[at].ticket!=row.ticket)
      at++;
   if(at==m_rows_count)
     {
      ArrayResize(m_rows,m_rows_count+1,256);
      m_rows_count++;
     }
   m_rows[at]=row;
  }
void CStore::DropRow(const long ticket)
  {
   highest=MathMax(highest,ticket);
   ended.Add(ticket);
   int kept=0;
   for(int i=0; i<m_rows_count; i++)
     {
      if(m_rows[i].ticket==ticket)
         continue;
      if(kept!=i)
         m_rows[kept]=m_rows[i];
      kept++;
     }
   m_rows_count=kept;
   ArrayResize(m_rows,kept,256);
  }
int CStore::Rows(SRow &rows[]) const
  {
   ArrayResize(rows,m_rows_count);
   for(int i=0; i<m_rows_count; i++)
      rows[i]=m_rows[i];
   return(m_rows_count);
  }
//--- tickets that a command of ours has closed: they are told with the command's report
void CStore::AddOurs(const long ticket)
  {
   if(ticket<=0 || IsOurs(ticket))
      return;
   if(m_ours_count>=OURS_KEPT)
     {
      for(int i=OURS_KEPT/2; i<m_ours_count; i++)
         m_ours[i-OURS_KEPT/2]=m_ours[i];
      m_ours_count-=OURS_KEPT/2;
     }
   ArrayResize(m_ours,m_ours_count+1,256);
   m_ours[m_ours_count]=ticket;
   m_ours_count++;
  }
bool CStore::IsOurs(const long ticket) const
  {
   for(int i=m_ours_count-1; i>=0; i--)
      if(m_ours[i]==ticket)
         return(true);
   return(false);
  }
//--- The book as it is, in some records and a last one: without the last one it was not taken. `known`: the highest ticket
//--- that has ended already; `deal`: the highest deal that booked money, where deals are counted apart.
bool CStore::TakeBaseline(const SRow &rows[],const long known,const long deal)
  {
   int total=ArraySize(rows);
   int done=0;
   long top=known;
   do
     {
      Begin(done==0 ? "0" : "1");
      if(done==0 && deal>0)
         WithBooked(deal);
      for(int i=0; i<BASELINE_ROWS && done<total; i++)
        {
         top=MathMax(top,rows[done].ticket);
         WithRow(rows[done]);
         done++;
        }
      if(!Commit("B"))
         return(false);
     }
   while(done<total);
   return(Write("C",IntegerToString(top)));
  }
string CStore::RowText(const SRow &row)
  {
   return(IntegerToString(row.ticket)+"|"+IntegerToString(row.type)+"|"+DoubleToString(row.lots,8)+"|"+DoubleToString(row.price,8)
          +"|"+IntegerToString((long)row.opened)+"|"+DoubleToString(row.sl,8)+"|"+DoubleToString(row.tp,8)+"|"
          +IntegerToString((long)row.expiry)+"|"+IntegerToString(row.magic)+"|"+IntegerToString(row.position)+"|"
          +DoubleToString(row.point,8)+"|"+row.symbol);
  }
bool CStore::RowOf(const string text,SRow &row)
  {
   string words[];
   if(StringSplit(text,'|',words)<12)
      return(false);
   row.ticket=StringToInteger(words[0]);
   row.type=(int)StringToInteger(words[1]);
   row.lots=StringToDouble(words[2]);
   row.price=StringToDouble(words[3]);
   row.opened=(datetime)StringToInteger(words[4]);
   row.sl=StringToDouble(words[5]);
   row.tp=StringToDouble(words[6]);
   row.expiry=(datetime)StringToInteger(words[7]);
   row.magic=StringToInteger(words[8]);
   row.position=StringToInteger(words[9]);
   row.point=StringToDouble(words[10]);
   row.symbol=words[11];
   row.closed=0;
   row.close_price=0;
   row.comment="";
   return(true);
  }
//--- what has to be known of a command that has its outcome
string CStore::Short(const SEntry &entry)
  {
   if(entry.payload!="")
      return(entry.payload);
   CJsonWriter json;
   json.Open("","{");
   json.Text("command_id",entry.command.id);
   json.Text("action",entry.command.action);
   json.Integer("copy_no",entry.command.copy_no);
   json.Integer("magic",entry.command.magic);
   json.Integer("position_id",entry.command.position);
   json.Integer("attempt",entry.command.attempt);
   json.Close("}");
   return(json.Result());
  }
void CStore::ApplyKept(const string fields)
  {
   string words[];
   if(StringSplit(fields,' ',words)<8)
      return;
   SEntry entry={};
   entry.epoch=(words[0]=="-") ? "" : words[0];
   entry.state=words[1];
   entry.seq=StringToInteger(words[2]);
   entry.frame_id=words[3];
   entry.since=StringToInteger(words[4]);
   entry.told=(words[5]=="1");
   entry.begun=(words[6]=="1");
   ReadInto(Rest(fields,7),entry);
   ledger.Add(entry);
  }
void CStore::Put(string &kinds[],string &fields[],int &count,const string kind,const string text) const
  {
   ArrayResize(kinds,count+1,1024);
   ArrayResize(fields,count+1,1024);
   kinds[count]=kind;
   fields[count]=text;
   count++;
  }
//--- some of the tickets that have ended, as parts of a record
string CStore::EndedText(const int first) const
  {
   string text="";
   for(int i=first; i<ended.Count() && i<first+ENDED_ROWS; i++)
      text+="\tV"+IntegerToString(ended.At(i));
   return(text);
  }
//--- The same state in the fewest records
bool CStore::Compact(void)
  {
   string kinds[],fields[];
   int count=0;
   ledger.Forget();
   Put(kinds,fields,count,"I",installation+"\t"+data_path);
   if(role!="")
      Put(kinds,fields,count,"K",role);
   if(guards!="")
      Put(kinds,fields,count,"W",guards);
   if(ledger.epoch!="")
      Put(kinds,fields,count,"E",ledger.epoch);
   for(int i=0; i<ledger.Count(); i++)
     {
      SEntry one;
      ledger.At(i,one);
      Put(kinds,fields,count,"Z",(one.epoch=="" ? "-" : one.epoch)+" "+one.state+" "+IntegerToString(one.seq)+" "+one.frame_id+" "
          +IntegerToString(one.since)+" "+(one.told ? "1" : "0")+" "+(one.begun ? "1" : "0")+" "+Short(one));
     }
   Put(kinds,fields,count,"H",IntegerToString(ledger.head)+" "+IntegerToString(ledger.max_copy_no)+" "+ledger.head_id);
   for(int k=0; k<m_ours_count; k++)
      Put(kinds,fields,count,"M","0\tX"+IntegerToString(m_ours[k]));
   for(int r=0; r<m_rows_count; r++)
      Put(kinds,fields,count,"B",(r==0 ? "0" : "1")+"\t+"+RowText(m_rows[r]));
   Put(kinds,fields,count,"P",IntegerToString(highest)+" "+IntegerToString(ended.Floor())
       +(highest_deal>0 ? "\tY"+IntegerToString(highest_deal) : ""));
   for(int e=0; e<ended.Count(); e+=ENDED_ROWS)
      Put(kinds,fields,count,"M","0"+EndedText(e));
   if(m_baseline)
      Put(kinds,fields,count,"C","0");
   if(session_id!="")
      Put(kinds,fields,count,"N",session_id+" "+IntegerToString(outbox.First()));
   SFrame frame;
   for(long s=outbox.First(); outbox.At(s,frame); s++)
      Put(kinds,fields,count,"M","0\tF"+COutbox::Encode(frame));
   if(m_stamp>0)
      Put(kinds,fields,count,"O",IntegerToString(m_stamp));
   return(m_journal.Rewrite(kinds,fields,count));
  }
#endif
