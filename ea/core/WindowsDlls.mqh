//+------------------------------------------------------------------+
//| WindowsDlls.mqh: CWindows by winhttp.dll, crypt32.dll and        |
//| advapi32.dll, which are parts of Windows 8.1 and later. The one  |
//| file with imports: one import makes the terminal ask for DLLs.   |
//| A handle and an address have 32 bits in MetaTrader 4 and 64 in   |
//| MetaTrader 5. Nothing is received in the background: Windows     |
//| must not write into an array that MQL may have moved.            |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_WINDOWS_DLLS
#define EAG_WINDOWS_DLLS
#include "Text.mqh"
#include "Windows.mqh"

#ifdef __MQL5__
#define WORD_OF_WINDOWS long
#define BLOB_BYTES 16
#else
#define WORD_OF_WINDOWS int
#define BLOB_BYTES 8
#endif

#import "winhttp.dll"
WORD_OF_WINDOWS WinHttpOpen(string agent,uint access,string proxy,string bypass,uint flags);
int WinHttpSetTimeouts(WORD_OF_WINDOWS handle,int resolve,int connect,int send,int receive);
WORD_OF_WINDOWS WinHttpConnect(WORD_OF_WINDOWS session,string host,int port,uint reserved);
WORD_OF_WINDOWS WinHttpOpenRequest(WORD_OF_WINDOWS connection,string verb,string path,string version,string referrer,WORD_OF_WINDOWS accept,uint flags);
int WinHttpSetOption(WORD_OF_WINDOWS handle,uint option,uint &value[],uint size);
int WinHttpSendRequest(WORD_OF_WINDOWS request,string headers,uint length,uchar &body[],uint size,uint total,WORD_OF_WINDOWS context);
int WinHttpReceiveResponse(WORD_OF_WINDOWS request,WORD_OF_WINDOWS reserved);
int WinHttpQueryHeaders(WORD_OF_WINDOWS request,uint what,string name,uint &value,uint &size,uint &place);
int WinHttpReadData(WORD_OF_WINDOWS request,uchar &buffer[],uint size,uint &count);
WORD_OF_WINDOWS WinHttpWebSocketCompleteUpgrade(WORD_OF_WINDOWS request,WORD_OF_WINDOWS context);
uint WinHttpWebSocketSend(WORD_OF_WINDOWS socket,uint type,uchar &data[],uint size);
uint WinHttpWebSocketReceive(WORD_OF_WINDOWS socket,uchar &buffer[],uint size,uint &count,uint &type);
uint WinHttpWebSocketClose(WORD_OF_WINDOWS socket,ushort status,uchar &reason[],uint size);
uint WinHttpWebSocketQueryCloseStatus(WORD_OF_WINDOWS socket,ushort &status,uchar &reason[],uint size,uint &count);
int WinHttpCloseHandle(WORD_OF_WINDOWS handle);
#import "ntdll.dll"
uint RtlGetLastWin32Error(void);
#import "kernel32.dll"
WORD_OF_WINDOWS LocalAlloc(uint flags,WORD_OF_WINDOWS size);
WORD_OF_WINDOWS LocalFree(WORD_OF_WINDOWS memory);
void RtlMoveMemory(WORD_OF_WINDOWS target,uchar &source[],WORD_OF_WINDOWS size);
void RtlMoveMemory(uchar &target[],WORD_OF_WINDOWS source,WORD_OF_WINDOWS size);
#import "crypt32.dll"
int CryptProtectData(uchar &blob[],string name,WORD_OF_WINDOWS entropy,WORD_OF_WINDOWS reserved,WORD_OF_WINDOWS prompt,uint flags,uchar &wrapped[]);
int CryptUnprotectData(uchar &blob[],WORD_OF_WINDOWS name,WORD_OF_WINDOWS entropy,WORD_OF_WINDOWS reserved,WORD_OF_WINDOWS prompt,uint flags,uchar &unwrapped[]);
#import "advapi32.dll"
int SystemFunction036(uchar &buffer[],uint size);
#import

#define ACCESS_AUTOMATIC_PROXY 4
#define ACCESS_DEFAULT_PROXY   0
#define FLAG_SECURE            0x00800000
#define OPTION_UPGRADE         114
#define OPTION_CLOSE_TIMEOUT   115
#define OPTION_KEEP_ALIVE      116
#define QUERY_STATUS           0x20000013
#define QUERY_RETRY_AFTER      0x20000024
#define MESSAGE_TEXT           2
#define FRAGMENT_TEXT          3
#define MESSAGE_CLOSE          4
#define SOCKET_BUFFER          16384
#define SOCKET_MOST            1048576
#define SECRET_NAME            "EA Gateway"
#define NO_PROMPT              1

class CWindowsDlls : public CWindows
  {
private:
   WORD_OF_WINDOWS   m_session;
   WORD_OF_WINDOWS   m_connection;
   WORD_OF_WINDOWS   m_socket;
   string            m_host;

   bool              Failed(void);
   static bool       Parts(const string url,string &host,int &port,string &path,bool &secure);
   bool              Connect(const string host,const int port,const int timeout_ms);
   WORD_OF_WINDOWS   Request(const string verb,const string url,const int timeout_ms);
   bool              Answer(const WORD_OF_WINDOWS request);
   bool              Changed(const uchar &bytes[],const bool wrap,uchar &changed[]);
   void              Forget(void);

public:
                     CWindowsDlls(void) { m_session=0; m_connection=0; m_socket=0; m_host=""; }
                    ~CWindowsDlls(void) { SocketClose(); Forget(); }
   virtual bool      Built(void) { return(true); }
   virtual bool      Allowed(void) { return(MQLInfoInteger(MQL_DLLS_ALLOWED)!=0); }
   virtual bool      Post(const string url,const string headers,const uchar &body[],const int timeout_ms);
   virtual bool      SocketOpen(const string url,const string headers,const int timeout_ms);
   virtual bool      SocketIsOpen(void) { return(m_socket!=0); }
   virtual bool      SocketSend(const string text);
   virtual bool      SocketReceive(void);
   virtual void      SocketClose(void);
   virtual bool      Wrap(const string text,string &wrapped);
   virtual bool      Unwrap(const string wrapped,string &text);
   virtual bool      Random(uchar &bytes[],const int count);
  };
//--- The number of Windows. The terminal may have called Windows since, so 0 is told as "no answer".
bool CWindowsDlls::Failed(void)
  {
   error=(int)RtlGetLastWin32Error();
   if(error==0)
      error=WINDOWS_NO_ANSWER;
   return(false);
  }
bool CWindowsDlls::Parts(const string url,string &host,int &port,string &path,bool &secure)
  {
   int from=StringFind(url,"://");
   string scheme=(from<0) ? "" : StringSubstr(url,0,from);
   secure=(scheme=="https" || scheme=="wss");
   if(!secure && scheme!="http" && scheme!="ws")
      return(false);
   int slash=StringFind(url,"/",from+3);
   host=(slash<0) ? StringSubstr(url,from+3) : StringSubstr(url,from+3,slash-from-3);
   path=(slash<0) ? "/" : StringSubstr(url,slash);
   port=secure ? 443 : 80;
   int colon=StringFind(host,":");
   if(colon>=0)
     {
      port=(int)StringToInteger(StringSubstr(host,colon+1));
      host=StringSubstr(host,0,colon);
     }
   return(host!="" && port>0 && port<65536);
  }
void CWindowsDlls::Forget(void)
  {
   if(m_connection!=0)
      WinHttpCloseHandle(m_connection);
   if(m_session!=0)
      WinHttpCloseHandle(m_session);
   m_connection=0;
   m_session=0;
   m_host="";
  }
//--- The proxy as Windows finds it; versions before 8.1 do not know that, and take the one of the system.
bool CWindowsDlls::Connect(const string host,const int port,const int timeout_ms)
  {
   string name=host+":"+IntegerToString(port);
   if(m_connection!=0 && m_host!=name)
      Forget();
   if(m_session==0)
      m_session=WinHttpOpen("EA Gateway",ACCESS_AUTOMATIC_PROXY,NULL,NULL,0);
   if(m_session==0)
      m_session=WinHttpOpen("EA Gateway",ACCESS_DEFAULT_PROXY,NULL,NULL,0);
   if(m_session==0)
      return(Failed());
   WinHttpSetTimeouts(m_session,timeout_ms,timeout_ms,timeout_ms,timeout_ms);
   if(m_connection==0)
      m_connection=WinHttpConnect(m_session,host,port,0);
   m_host=name;
   return(m_connection!=0 ? true : Failed());
  }
//--- Certificates are checked by Windows, and nothing is let pass that it refuses.
WORD_OF_WINDOWS CWindowsDlls::Request(const string verb,const string url,const int timeout_ms)
  {
   string host="",path="";
   int port=0;
   bool secure=false;
   error=0;
   status=0;
   retry_after=-1;
   ArrayResize(heard,0);
   if(!Parts(url,host,port,path,secure))
     {
      error=5200;
      return(0);
     }
   if(!Connect(host,port,timeout_ms))
      return(0);
   WORD_OF_WINDOWS request=WinHttpOpenRequest(m_connection,verb,path,NULL,NULL,0,secure ? FLAG_SECURE : 0);
   if(request==0)
      Failed();
   else
      WinHttpSetTimeouts(request,timeout_ms,timeout_ms,timeout_ms,timeout_ms);
   return(request);
  }
//--- status and Retry-After of what came
bool CWindowsDlls::Answer(const WORD_OF_WINDOWS request)
  {
   uint value=0,size=4,place=0;
   if(WinHttpQueryHeaders(request,QUERY_STATUS,NULL,value,size,place)==0)
      return(Failed());
   status=(int)value;
   size=4;
   place=0;
   if(WinHttpQueryHeaders(request,QUERY_RETRY_AFTER,NULL,value,size,place)!=0)
      retry_after=(int)value;
   return(true);
  }
bool CWindowsDlls::Post(const string url,const string headers,const uchar &body[],const int timeout_ms)
  {
   WORD_OF_WINDOWS request=Request("POST",url,timeout_ms);
   if(request==0)
      return(false);
   uchar data[],block[];
   uint size=(uint)ArraySize(body),count=0;
   ArrayCopy(data,body);
   ArrayResize(block,SOCKET_BUFFER);
   bool good=(WinHttpSendRequest(request,headers,(uint)StringLen(headers),data,size,size,0)!=0 && WinHttpReceiveResponse(request,0)!=0);
   good=good ? Answer(request) : Failed();
   while(good)
     {
      good=(WinHttpReadData(request,block,SOCKET_BUFFER,count)!=0);
      int had=ArraySize(heard);
      if(!good || had>SOCKET_MOST)
         good=Failed();
      if(!good || count==0)
         break;
      ArrayResize(heard,had+(int)count,SOCKET_BUFFER);
      ArrayCopy(heard,block,had,0,(int)count);
     }
   WinHttpCloseHandle(request);
   return(good);
  }
//--- False: `status` has the answer of HTTP, if there was one
bool CWindowsDlls::SocketOpen(const string url,const string headers,const int timeout_ms)
  {
   SocketClose();
   close_code=0;
   WORD_OF_WINDOWS request=Request("GET",url,timeout_ms);
   if(request==0)
      return(false);
   uint nothing[];
   uchar no_body[];
   bool good=(WinHttpSetOption(request,OPTION_UPGRADE,nothing,0)!=0
              && WinHttpSendRequest(request,headers,(uint)StringLen(headers),no_body,0,0,0)!=0
              && WinHttpReceiveResponse(request,0)!=0);
   good=good ? Answer(request) : Failed();
   if(good && status==101)
      m_socket=WinHttpWebSocketCompleteUpgrade(request,0);
   if(good && status==101 && m_socket==0)
      Failed();
   WinHttpCloseHandle(request);
   if(m_socket==0)
      return(false);
   uint bound[1];
   bound[0]=500;
   WinHttpSetOption(m_socket,OPTION_CLOSE_TIMEOUT,bound,4);
   bound[0]=15000;
   WinHttpSetOption(m_socket,OPTION_KEEP_ALIVE,bound,4);
   return(true);
  }
bool CWindowsDlls::SocketSend(const string text)
  {
   uchar bytes[];
   uint size=(uint)TextToBytes(text,bytes);
   if(m_socket==0)
      return(false);
   error=(int)WinHttpWebSocketSend(m_socket,MESSAGE_TEXT,bytes,size);
   if(error!=0)
      SocketClose();
   return(error==0);
  }
//--- One message, whole, in `heard`. It waits for it, without a bound: the caller has sent a Poll before.
bool CWindowsDlls::SocketReceive(void)
  {
   uchar block[],reason[];
   uint count=0,type=0;
   ushort code=0;
   ArrayResize(block,SOCKET_BUFFER);
   ArrayResize(reason,128);
   ArrayResize(heard,0);
   while(m_socket!=0)
     {
      error=(int)WinHttpWebSocketReceive(m_socket,block,SOCKET_BUFFER,count,type);
      int had=ArraySize(heard);
      if(error==0 && type==MESSAGE_CLOSE && WinHttpWebSocketQueryCloseStatus(m_socket,code,reason,128,count)==0)
         close_code=(int)code;
      if(error!=0 || (type!=MESSAGE_TEXT && type!=FRAGMENT_TEXT) || had>SOCKET_MOST)
        {
         SocketClose();
         return(false);
        }
      ArrayResize(heard,had+(int)count,SOCKET_BUFFER);
      ArrayCopy(heard,block,had,0,(int)count);
      if(type==MESSAGE_TEXT)
         return(true);
     }
   return(false);
  }
void CWindowsDlls::SocketClose(void)
  {
   if(m_socket==0)
      return;
   uchar reason[];
   WinHttpWebSocketClose(m_socket,1000,reason,0);
   WinHttpCloseHandle(m_socket);
   m_socket=0;
  }
//--- DPAPI takes and gives a size and an address. MQL has no addresses, so the bytes go by way of memory of Windows.
bool CWindowsDlls::Changed(const uchar &bytes[],const bool wrap,uchar &changed[])
  {
   uchar source[],given[],got[];
   int size=ArraySize(bytes);
   ArrayCopy(source,bytes);
   ArrayResize(given,BLOB_BYTES);
   ArrayResize(got,BLOB_BYTES);
   ArrayInitialize(given,0);
   ArrayInitialize(got,0);
   WORD_OF_WINDOWS memory=(size>0) ? LocalAlloc(0,size) : 0;
   if(memory==0)
      return(false);
   RtlMoveMemory(memory,source,size);
   for(int i=0; i<4; i++)
      given[i]=(uchar)((size>>(8*i))&255);
   for(int k=0; k<BLOB_BYTES/2; k++)
      given[BLOB_BYTES/2+k]=(uchar)((memory>>(8*k))&255);
   int done=wrap ? CryptProtectData(given,SECRET_NAME,0,0,0,NO_PROMPT,got) : CryptUnprotectData(given,0,0,0,0,NO_PROMPT,got);
   LocalFree(memory);
   if(done==0)
      return(Failed());
   int count=0;
   for(int j=0; j<4; j++)
      count|=((int)got[j])<<(8*j);
   WORD_OF_WINDOWS at=0;
   for(int m=0; m<BLOB_BYTES/2; m++)
      at|=((WORD_OF_WINDOWS)got[BLOB_BYTES/2+m])<<(8*m);
   if(count<=0 || at==0)
      return(false);
   ArrayResize(changed,count);
   RtlMoveMemory(changed,at,count);
   LocalFree(at);
   return(true);
  }
bool CWindowsDlls::Wrap(const string text,string &wrapped)
  {
   uchar bytes[],changed[];
   TextToBytes(text,bytes);
   wrapped="";
   if(!Allowed() || !Changed(bytes,true,changed))
      return(false);
   for(int i=0; i<ArraySize(changed); i++)
      wrapped+=HexText((ulong)changed[i],2);
   return(true);
  }
bool CWindowsDlls::Unwrap(const string wrapped,string &text)
  {
   uchar bytes[],changed[];
   int size=StringLen(wrapped)/2;
   ulong value=0;
   text="";
   ArrayResize(bytes,size);
   for(int i=0; i<size; i++)
     {
      if(!HexValue(StringSubstr(wrapped,2*i,2),value))
         return(false);
      bytes[i]=(uchar)value;
     }
   if(!Allowed() || !Changed(bytes,false,changed))
      return(false);
   text=TextFromBytes(changed,0,ArraySize(changed));
   return(true);
  }
//--- the generator of Windows itself; it answers with one byte
bool CWindowsDlls::Random(uchar &bytes[],const int count)
  {
   ArrayResize(bytes,count);
   ArrayInitialize(bytes,0);
   return(Allowed() && (SystemFunction036(bytes,(uint)count)&255)!=0);
  }
#endif
