//+------------------------------------------------------------------+
//| Calls.mqh: HTTP. One call, one answer, a bound on its time. By   |
//| Windows where it may be called, else by WebRequest.              |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_CALLS
#define EAG_CALLS
#include "Text.mqh"
#include "Windows.mqh"

class CCalls
  {
private:
   CWindows         *m_windows;

public:
   int               status;
   int               error;
   int               retry_after;
   long              took_ms;
   uchar             body[];

                     CCalls(void) { m_windows=NULL; status=0; error=0; retry_after=-1; took_ms=0; }
   void              Windows(CWindows *windows) { m_windows=windows; }
   bool              Post(const string url,const string bearer,const string headers,const string text,const int timeout_ms);
   static string     HostOf(const string url);
   static string     CallOf(const string url);
   static bool       IsSafe(const string url);
  };
//--- False: no answer; `error` says why. An answer may still be a refusal: see `status`.
bool CCalls::Post(const string url,const string bearer,const string headers,const string text,const int timeout_ms)
  {
   char data[],result[];
   uchar bytes[];
   int count=TextToBytes(text,bytes);
   ArrayResize(data,count);
   for(int i=0; i<count; i++)
      data[i]=(char)bytes[i];
   string head="Content-Type: application/json\r\nAccept: application/json\r\n"+headers;
   if(bearer!="")
      head+="Authorization: Bearer "+bearer+"\r\n";
   string answered="";
   ulong began=GetMicrosecondCount();
   if(m_windows!=NULL && m_windows.Allowed())
     {
      bool good=m_windows.Post(url,head,bytes,timeout_ms);
      status=good ? m_windows.status : 0;
      error=good ? 0 : m_windows.error;
      retry_after=good ? m_windows.retry_after : -1;
      took_ms=(long)((GetMicrosecondCount()-began)/1000);
      ArrayResize(body,0);
      ArrayCopy(body,m_windows.heard);
      return(good);
     }
   ResetLastError();
   status=WebRequest("POST",url,head,timeout_ms,data,result,answered);
   error=(status>=100) ? 0 : GetLastError();
   took_ms=(long)((GetMicrosecondCount()-began)/1000);
   int size=ArraySize(result);
   ArrayResize(body,size);
   for(int k=0; k<size; k++)
      body[k]=(uchar)result[k];
   retry_after=-1;
   StringToLower(answered);
   int at=StringFind(answered,"retry-after:");
   if(at>=0)
      retry_after=(int)StringToInteger(StringSubstr(answered,at+12,10));
   return(status>=100);
  }
//--- scheme, name and port, as far as the path
string CCalls::HostOf(const string url)
  {
   int from=StringFind(url,"://");
   if(from<0)
      return("");
   int slash=StringFind(url,"/",from+3);
   string host=(slash<0) ? url : StringSubstr(url,0,slash);
   StringToLower(host);
   return(host);
  }
//--- the address of a socket as that of a call: both belong to one host
string CCalls::CallOf(const string url)
  {
   return(StringFind(url,"ws")==0 ? "http"+StringSubstr(url,2) : url);
  }
//--- a token goes over TLS, or nowhere but to this computer itself
bool CCalls::IsSafe(const string url)
  {
   string host=HostOf(url);
   if(StringFind(host,"@")>=0)
      return(false);
   if(StringFind(host,"https://")==0)
      return(StringLen(host)>8);
   return(host=="http://127.0.0.1" || StringFind(host,"http://127.0.0.1:")==0 || host=="http://localhost" || StringFind(host,"http://localhost:")==0);
  }
#endif
