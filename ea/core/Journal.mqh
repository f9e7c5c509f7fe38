//+------------------------------------------------------------------+
//| Journal.mqh: the one file in which an account's outbox and       |
//| ledger are kept. Shared by MQL4 and MQL5.                        |
//|                                                                  |
//| One record is one line of UTF-8: length kind fields crc LF.      |
//| The first bad line ends the file. The file is open without       |
//| sharing for as long as the program runs: that is the lock.       |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_JOURNAL
#define EAG_JOURNAL
#include "Text.mqh"

enum EJournalState { JOURNAL_CLOSED, JOURNAL_READY, JOURNAL_IN_USE, JOURNAL_FULL };

class CJournal
  {
private:
   string            m_name;
   int               m_handle;
   EJournalState     m_state;
   bool              m_damaged;
   string            m_kind[];
   string            m_fields[];
   int               m_count;
   bool              m_keeping;
   ulong             m_size;

   bool              Read(const string name,uchar &bytes[]) const;
   int               Scan(const uchar &bytes[],const bool keep);
   int               LineEnd(const uchar &bytes[],const int from) const;
   bool              Line(const uchar &bytes[],const int from,const int end,string &kind,string &fields) const;
   bool              GoodBehind(const uchar &bytes[],const int from) const;
   void              Keep(const string kind,const string fields);
   bool              Write(const int handle,const uchar &bytes[]) const;
   bool              IsComplete(const string name);
   bool              Acquire(void);

public:
                     CJournal(void) { m_name=""; m_handle=INVALID_HANDLE; m_state=JOURNAL_CLOSED; m_damaged=false; m_count=0; m_keeping=true; m_size=0; }
                    ~CJournal(void) { Close(); }
   bool              Open(const string name);
   void              Close(void);
   bool              Append(const string kind,const string fields);
   bool              Compact(const bool &wanted[]);
   bool              Rewrite(const string &kinds[],const string &fields[],const int count);
   void              Release(void);
   ulong             Size(void) const { return(m_size); }
   int               Count(void) const { return(m_count); }
   string            Kind(const int place) const { return(m_kind[place]); }
   string            Fields(const int place) const { return(m_fields[place]); }
   EJournalState     State(void) const { return(m_state); }
   bool              Damaged(void) const { return(m_damaged); }
   static int        Encode(const string kind,const string fields,uchar &bytes[]);
  };
//--- one record as bytes
int CJournal::Encode(const string kind,const string fields,uchar &bytes[])
  {
   uchar body[];
   int count=TextToBytes(kind+" "+fields,body);
   string line=IntegerToString(count,5,'0')+" "+kind+" "+fields+" "+HexText((ulong)Crc32(body,0,count),8)+"\n";
   return(TextToBytes(line,bytes));
  }
//--- Reads what is there. False: another program has it, or the disk fails.
bool CJournal::Open(const string name)
  {
   Close();
   m_keeping=true;
   m_name=name;
   m_damaged=false;
   if(!FileIsExist(name+".log") && IsComplete(name+".new"))
      FileMove(name+".new",0,name+".log",FILE_REWRITE);
   if(!Acquire())
      return(false);
   uchar bytes[];
   int size=(int)FileSize(m_handle);
   FileSeek(m_handle,0,SEEK_SET);
   ArrayResize(bytes,size);
   if(size>0 && FileReadArray(m_handle,bytes,0,size)!=(uint)size)
     {
      Close();
      return(false);
     }
   int good=Scan(bytes,true);
   if(good<size)
     {
      m_damaged=GoodBehind(bytes,good);
      if(m_damaged)
        {
         int copy=FileOpen(name+".bad",FILE_BIN|FILE_WRITE);
         if(copy!=INVALID_HANDLE)
           {
            FileWriteArray(copy,bytes,0,size);
            FileClose(copy);
           }
        }
      bool all[];
      ArrayResize(all,m_count);
      ArrayInitialize(all,true);
      return(Compact(all));
     }
   FileSeek(m_handle,0,SEEK_END);
   m_size=(ulong)size;
   return(true);
  }
bool CJournal::Acquire(void)
  {
   m_handle=FileOpen(m_name+".log",FILE_BIN|FILE_READ|FILE_WRITE);
   m_state=(m_handle==INVALID_HANDLE) ? JOURNAL_IN_USE : JOURNAL_READY;
   return(m_state==JOURNAL_READY);
  }
void CJournal::Close(void)
  {
   if(m_handle!=INVALID_HANDLE)
      FileClose(m_handle);
   m_handle=INVALID_HANDLE;
   m_state=JOURNAL_CLOSED;
   m_count=0;
   ArrayResize(m_kind,0);
   ArrayResize(m_fields,0);
  }
//--- True: the record is with the operating system, and may be acted on. False: nothing was written, nothing may follow.
bool CJournal::Append(const string kind,const string fields)
  {
   if(m_state!=JOURNAL_READY || StringFind(fields,"\n")>=0 || StringFind(kind," ")>=0)
      return(false);
   uchar bytes[];
   Encode(kind,fields,bytes);
   if(!Write(m_handle,bytes))
     {
      m_state=JOURNAL_FULL;
      return(false);
     }
   m_size+=(ulong)ArraySize(bytes);
   if(m_keeping)
      Keep(kind,fields);
   return(true);
  }
//--- what was read has been taken over: it stays on the disk, and not here
void CJournal::Release(void)
  {
   m_keeping=false;
   m_count=0;
   ArrayResize(m_kind,0);
   ArrayResize(m_fields,0);
  }
bool CJournal::Write(const int handle,const uchar &bytes[]) const
  {
   int count=ArraySize(bytes);
   ulong before=FileSize(handle);
   ResetLastError();
   uint written=FileWriteArray(handle,bytes,0,count);
   FileFlush(handle);
   int error=GetLastError();
   return(written==(uint)count && error==0 && FileSize(handle)==before+(ulong)count);
  }
void CJournal::Keep(const string kind,const string fields)
  {
   ArrayResize(m_kind,m_count+1,256);
   ArrayResize(m_fields,m_count+1,256);
   m_kind[m_count]=kind;
   m_fields[m_count]=fields;
   m_count++;
  }
//--- Reads records from the start; the number of good bytes
int CJournal::Scan(const uchar &bytes[],const bool keep)
  {
   int from=0;
   string kind="",fields="";
   while(from<ArraySize(bytes))
     {
      int end=LineEnd(bytes,from);
      if(end<0 || !Line(bytes,from,end,kind,fields))
         break;
      if(keep)
         Keep(kind,fields);
      from=end+1;
     }
   return(from);
  }
int CJournal::LineEnd(const uchar &bytes[],const int from) const
  {
   int size=ArraySize(bytes);
   for(int i=from; i<size; i++)
      if(bytes[i]=='\n')
         return(i);
   return(-1);
  }
//--- the record between two places; false if length or checksum is wrong
bool CJournal::Line(const uchar &bytes[],const int from,const int end,string &kind,string &fields) const
  {
   if(end-from<5+1+2+1+8 || bytes[from+5]!=' ' || bytes[end-9]!=' ')
      return(false);
   long length=0;
   ulong sum=0;
   if(!IntegerValue(TextFromBytes(bytes,from,5),length) || length!=end-from-15)
      return(false);
   if(!HexValue(TextFromBytes(bytes,end-8,8),sum) || (ulong)Crc32(bytes,from+6,(int)length)!=sum)
      return(false);
   string body=TextFromBytes(bytes,from+6,(int)length);
   int blank=StringFind(body," ");
   if(blank<1)
      return(false);
   kind=StringSubstr(body,0,blank);
   fields=(blank+1<StringLen(body)) ? StringSubstr(body,blank+1) : "";
   return(true);
  }
//--- whether a good line stands behind a bad one: then the file was damaged, and not just cut
bool CJournal::GoodBehind(const uchar &bytes[],const int from) const
  {
   string kind="",fields="";
   int at=LineEnd(bytes,from);
   while(at>=0)
     {
      int end=LineEnd(bytes,at+1);
      if(end>=0 && Line(bytes,at+1,end,kind,fields))
         return(true);
      at=end;
     }
   return(false);
  }
//--- Writes the wanted records anew.
bool CJournal::Compact(const bool &wanted[])
  {
   string kinds[],fields[];
   int kept=0;
   ArrayResize(kinds,m_count);
   ArrayResize(fields,m_count);
   for(int i=0; i<m_count; i++)
     {
      if(!wanted[i] || m_kind[i]=="T")
         continue;
      kinds[kept]=m_kind[i];
      fields[kept]=m_fields[i];
      kept++;
     }
   return(Rewrite(kinds,fields,kept));
  }
//--- Puts these records in the place of all. A crash at any byte leaves the old file or the new one, whole.
bool CJournal::Rewrite(const string &kinds[],const string &fields[],const int count)
  {
   uchar all[],one[];
   for(int i=0; i<count; i++)
     {
      int size=Encode(kinds[i],fields[i],one);
      BytesAdd(all,one,size);
     }
   int tail=Encode("T",IntegerToString(count)+" "+HexText((ulong)Crc32(all,0,ArraySize(all)),8),one);
   BytesAdd(all,one,tail);
   int handle=FileOpen(m_name+".new",FILE_BIN|FILE_WRITE);
   bool written=(handle!=INVALID_HANDLE && Write(handle,all));
   if(handle!=INVALID_HANDLE)
      FileClose(handle);
   if(!written)
     {
      FileDelete(m_name+".new");
      m_state=JOURNAL_FULL;
      return(false);
     }
   FileClose(m_handle);
   m_handle=INVALID_HANDLE;
   if(!FileMove(m_name+".new",0,m_name+".log",FILE_REWRITE) || !Acquire())
      return(false);
   m_count=0;
   if(m_keeping)
      Scan(all,true);
   FileSeek(m_handle,0,SEEK_END);
   m_size=(ulong)ArraySize(all);
   return(true);
  }
bool CJournal::Read(const string name,uchar &bytes[]) const
  {
   int handle=FileOpen(name,FILE_BIN|FILE_READ);
   if(handle==INVALID_HANDLE)
      return(false);
   int size=(int)FileSize(handle);
   ArrayResize(bytes,size);
   bool good=(size==0 || FileReadArray(handle,bytes,0,size)==(uint)size);
   FileClose(handle);
   return(good);
  }
//--- whether a compaction was written to its end: its last record tells how many came before, and their checksum
bool CJournal::IsComplete(const string name)
  {
   uchar bytes[];
   if(!FileIsExist(name) || !Read(name,bytes))
      return(false);
   int size=ArraySize(bytes);
   int good=Scan(bytes,true);
   bool complete=false;
   if(good==size && m_count>0 && m_kind[m_count-1]=="T")
     {
      uchar last[];
      int tail=Encode("T",m_fields[m_count-1],last);
      string fits=IntegerToString(m_count-1)+" "+HexText((ulong)Crc32(bytes,0,size-tail),8);
      complete=(m_fields[m_count-1]==fits);
     }
   m_count=0;
   return(complete);
  }
#endif
