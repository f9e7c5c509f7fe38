//+------------------------------------------------------------------+
//| Windows.mqh: what Windows can do for a program that may call     |
//| DLLs: HTTP without the terminal's list of addresses, a WebSocket,|
//| wrapping of secrets, random bytes. This one can do nothing: it   |
//| stands in the program without DLLs, and where they are switched  |
//| off. Shared by MQL4 and MQL5.                                    |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_WINDOWS
#define EAG_WINDOWS

//--- how the gateway is reached: the socket as long as it works, nothing but it, or nothing but calls
enum ETransport { Automatic, SocketOnly, CallsOnly };

//--- what Windows calls the same as the terminal does, so that one sentence serves both
#define WINDOWS_NO_ANSWER 5203

class CWindows
  {
public:
   int               error;        // of Windows, 0: none
   int               status;       // of HTTP, 0: no answer
   int               retry_after;  // seconds, -1: not told
   int               close_code;   // of a socket that the gateway has closed, 0: it was cut
   uchar             heard[];      // the answer, or the message

                     CWindows(void) { error=0; status=0; retry_after=-1; close_code=0; }
   //--- whether there is a program with DLLs here, and whether it may call them
   virtual bool      Built(void) { return(false); }
   virtual bool      Allowed(void) { return(false); }
   virtual bool      Post(const string url,const string headers,const uchar &body[],const int timeout_ms) { return(false); }
   virtual bool      SocketOpen(const string url,const string headers,const int timeout_ms) { return(false); }
   virtual bool      SocketIsOpen(void) { return(false); }
   virtual bool      SocketSend(const string text) { return(false); }
   virtual bool      SocketReceive(void) { return(false); }
   virtual void      SocketClose(void) { }
   virtual bool      Wrap(const string text,string &wrapped) { return(false); }
   virtual bool      Unwrap(const string wrapped,string &text) { return(false); }
   virtual bool      Random(uchar &bytes[],const int count) { return(false); }
  };
#endif
