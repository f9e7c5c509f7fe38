//+------------------------------------------------------------------+
//| Identity.mqh: whose account this is, at this moment. It may      |
//| change under our feet, so this is the only place that asks.      |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_IDENTITY
#define EAG_IDENTITY

long IdentityLogin()
  {
   return(AccountInfoInteger(ACCOUNT_LOGIN));
  }
string IdentityServer()
  {
   return(AccountInfoString(ACCOUNT_SERVER));
  }
#endif
