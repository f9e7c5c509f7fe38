//+------------------------------------------------------------------+
//| Vault.mqh: the account's key, and the session in force, each in  |
//| a file of its own that begins with a checksum; wrapped by Windows|
//| for its user where Windows may be called. Nothing of it is ever  |
//| printed. Shared by MQL4 and MQL5.                                |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_VAULT
#define EAG_VAULT
#include "Text.mqh"
#include "Windows.mqh"

#define WRAPPED "dpapi "

class CVault
  {
private:
   string            m_base;
   CWindows         *m_windows;
   bool              Put(const string name,const string text);
   string            Take(const string name) const;
   string            Raw(const string name) const;

public:
   string            session_id;
   string            session_token;
   string            exchange_url;
   string            stream_url;
   int               interval_seconds;
   int               timeout_seconds;
   int               intent_rate;

                     CVault(void) { m_base=""; m_windows=NULL; Clear(); }
   void              Windows(CWindows *windows) { m_windows=windows; }
   void              Begin(const string base) { m_base=base; }
   void              Clear(void);
   string            Key(void) const { return(Take(m_base+".key")); }
   bool              KeepKey(const string key) { return(Put(m_base+".key",key)); }
   bool              HasKey(void) const { return(FileIsExist(m_base+".key")); }
   bool              KeyIsWrapped(void) const { return(StringFind(Raw(m_base+".key"),WRAPPED)==0); }
   bool              KeepSession(void);
   bool              LoadSession(void);
   void              ForgetSession(void);
  };
void CVault::Clear(void)
  {
   session_id="";
   session_token="";
   exchange_url="";
   stream_url="";
   interval_seconds=5;
   timeout_seconds=15;
   intent_rate=20;
  }
//--- one line: checksum, text. A file that was cut is no file. What Windows does not wrap is kept as it is.
bool CVault::Put(const string name,const string text)
  {
   uchar bytes[],line[];
   string kept=text,wrapped="",again="";
   if(m_windows!=NULL && m_windows.Allowed() && m_windows.Wrap(text,wrapped) && m_windows.Unwrap(wrapped,again) && again==text)
      kept=WRAPPED+wrapped;
   int count=TextToBytes(kept,bytes);
   int size=TextToBytes(HexText((ulong)Crc32(bytes,0,count),8)+" "+kept,line);
   int handle=FileOpen(name+".new",FILE_BIN|FILE_WRITE);
   if(handle==INVALID_HANDLE)
      return(false);
   bool written=(FileWriteArray(handle,line,0,size)==(uint)size);
   FileFlush(handle);
   FileClose(handle);
   return(written && FileMove(name+".new",0,name,FILE_REWRITE) && Take(name)==text);
  }
//--- "" also for what was wrapped for another user of Windows, or cannot be unwrapped without DLLs
string CVault::Take(const string name) const
  {
   string text=Raw(name),plain="";
   if(StringFind(text,WRAPPED)!=0)
      return(text);
   bool good=(m_windows!=NULL && m_windows.Allowed() && m_windows.Unwrap(StringSubstr(text,StringLen(WRAPPED)),plain));
   return(good ? plain : "");
  }
string CVault::Raw(const string name) const
  {
   if(!FileIsExist(name))
      return("");
   int handle=FileOpen(name,FILE_BIN|FILE_READ);
   if(handle==INVALID_HANDLE)
      return("");
   uchar bytes[];
   int size=(int)FileSize(handle);
   ArrayResize(bytes,size);
   int got=(size>0) ? (int)FileReadArray(handle,bytes,0,size) : 0;
   FileClose(handle);
   ulong sum=0;
   if(got!=size || size<10 || !HexValue(TextFromBytes(bytes,0,8),sum) || sum!=(ulong)Crc32(bytes,9,size-9))
      return("");
   return(TextFromBytes(bytes,9,size-9));
  }
bool CVault::KeepSession(void)
  {
   return(Put(m_base+".session",session_id+"\t"+session_token+"\t"+exchange_url+"\t"+IntegerToString(interval_seconds)+"\t"
              +IntegerToString(timeout_seconds)+"\t"+IntegerToString(intent_rate)+"\t"+stream_url));
  }
bool CVault::LoadSession(void)
  {
   string parts[];
   int count=StringSplit(Take(m_base+".session"),'\t',parts);
   if(count!=6 && count!=7)
      return(false);
   session_id=parts[0];
   session_token=parts[1];
   exchange_url=parts[2];
   interval_seconds=(int)StringToInteger(parts[3]);
   timeout_seconds=(int)StringToInteger(parts[4]);
   intent_rate=(int)StringToInteger(parts[5]);
   stream_url=(count==7) ? parts[6] : "";
   return(session_id!="" && session_token!="");
  }
void CVault::ForgetSession(void)
  {
   Clear();
   FileDelete(m_base+".session");
  }
#endif
