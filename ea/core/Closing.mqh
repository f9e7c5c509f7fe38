//+------------------------------------------------------------------+
//| Closing.mqh: how a link ended, and what follows from it: the     |
//| protocol's table of close codes. Shared by MQL4 and MQL5.        |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_CLOSING
#define EAG_CLOSING

#define CLOSED_NETWORK 1006

enum ENext { NEXT_RESUME, NEXT_RENEW, NEXT_RENEW_ONCE, NEXT_PENALTY, NEXT_STOP };

//--- the close code that a problem stands for, by its code, else by its HTTP status
int CloseOfProblem(const string code,const int status)
  {
   string names[]={"account_suspended","closed_by_operator","fenced","flood","heartbeat_timeout","key_refused","key_rejected",
                   "key_revoked","preempted","protocol_error","service_restart","session_closed","superseded","throttled",
                   "token_invalid","try_later","maintenance","version_unsupported","not_found"};
   int closes[]={4403,4410,4409,4429,4408,4403,4403,4403,4409,4400,4012,4410,4411,4429,4401,4013,4013,4406,4410};
   for(int i=0; i<ArraySize(names); i++)
      if(names[i]==code)
         return(closes[i]);
   if(code=="" && status>=400 && status<=499 && status!=429)
      return(CLOSED_NETWORK);  // a page of whatever stands between: the gateway says why
   int statuses[]={400,401,403,406,409,410,429,502,503,504};
   int same[]={4400,4401,4403,4406,4409,4410,4429,CLOSED_NETWORK,4013,CLOSED_NETWORK};
   for(int k=0; k<ArraySize(statuses); k++)
      if(statuses[k]==status)
         return(same[k]);
   if(status>=400 && status<=499)
      return(4400+status%100);
   return(CLOSED_NETWORK);
  }
//--- the name of what a socket was closed for, where no frame has told it
string ProblemOfClose(const int close)
  {
   int closes[]={4012,4013,4400,4401,4403,4406,4408,4409,4410,4411,4429};
   string names[]={"service_restart","try_later","protocol_error","token_invalid","key_refused","version_unsupported",
                   "heartbeat_timeout","preempted","session_closed","superseded","flood"};
   for(int i=0; i<ArraySize(closes); i++)
      if(closes[i]==close)
         return(names[i]);
   return("");
  }
//--- 4411: a newer link of this session has taken over, and on calls that can only be one of our own
ENext NextAfter(const int close)
  {
   switch(close)
     {
      case 4400:
         return(NEXT_PENALTY);
      case 4401:
      case 4408:
      case 4410:
         return(NEXT_RENEW);
      case 4403:
      case 4406:
      case 4409:
         return(NEXT_STOP);
      case 4411:
      case 4429:
         return(NEXT_RESUME);
     }
   return((close>=4400 && close<=4499) ? NEXT_RENEW_ONCE : NEXT_RESUME);
  }
//--- Whether POST /sessions that was refused so is worth another try without a person. Without a code nobody was refused:
//--- no answer came, or that of something between.
bool PassingRefusal(const string code,const int status)
  {
   return(status<100 || code=="" || status>=500 || status==429 || status==408 || code=="request_in_flight" || code=="idempotency_key_reused");
  }
#endif
