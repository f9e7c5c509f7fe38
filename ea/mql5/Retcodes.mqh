//+------------------------------------------------------------------+
//| Retcodes.mqh: what a MetaTrader 5 answers to a request, in the   |
//| numbers of MetaTrader 4, which the gateway and the core know.    |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_RETCODES
#define EAG_RETCODES

//--- `executes`: the request is for an execution at once, so an order that was only placed has no outcome yet.
//--- 1, 2, 128, 142: nobody knows whether it was carried out.
int ErrorOf(const uint retcode,const bool executes)
  {
   switch(retcode)
     {
      case TRADE_RETCODE_DONE:
      case TRADE_RETCODE_DONE_PARTIAL:
         return(0);
      case TRADE_RETCODE_PLACED:
         return(executes ? 142 : 0);
      case TRADE_RETCODE_REQUOTE:
         return(138);
      case TRADE_RETCODE_REJECT:
      case TRADE_RETCODE_PRICE_OFF:
      case TRADE_RETCODE_REJECT_CANCEL:
         return(136);
      case TRADE_RETCODE_CANCEL:
         return(9);
      case TRADE_RETCODE_ERROR:
         return(2);
      case TRADE_RETCODE_TIMEOUT:
         return(128);
      case TRADE_RETCODE_INVALID:
      case TRADE_RETCODE_INVALID_ORDER:
      case TRADE_RETCODE_INVALID_FILL:
         return(3);
      case TRADE_RETCODE_INVALID_VOLUME:
      case TRADE_RETCODE_INVALID_CLOSE_VOLUME:
         return(131);
      case TRADE_RETCODE_INVALID_PRICE:
         return(129);
      case TRADE_RETCODE_INVALID_STOPS:
         return(130);
      case TRADE_RETCODE_TRADE_DISABLED:
      case TRADE_RETCODE_ONLY_REAL:
      case TRADE_RETCODE_SHORT_ONLY:
      case TRADE_RETCODE_CLOSE_ONLY:
         return(133);
      case TRADE_RETCODE_MARKET_CLOSED:
         return(132);
      case TRADE_RETCODE_NO_MONEY:
         return(134);
      case TRADE_RETCODE_PRICE_CHANGED:
         return(135);
      case TRADE_RETCODE_INVALID_EXPIRATION:
         return(147);
      case TRADE_RETCODE_ORDER_CHANGED:
         return(137);
      case TRADE_RETCODE_TOO_MANY_REQUESTS:
         return(141);
      case TRADE_RETCODE_NO_CHANGES:
         return(1);
      case TRADE_RETCODE_SERVER_DISABLES_AT:
         return(4112);
      case TRADE_RETCODE_CLIENT_DISABLES_AT:
         return(4109);
      case TRADE_RETCODE_LOCKED:
         return(139);
      case TRADE_RETCODE_FROZEN:
         return(145);
      case TRADE_RETCODE_CLOSE_ORDER_EXIST:
         return(146);
      case TRADE_RETCODE_CONNECTION:
         return(6);
      case TRADE_RETCODE_LIMIT_ORDERS:
      case TRADE_RETCODE_LIMIT_VOLUME:
      case TRADE_RETCODE_LIMIT_POSITIONS:
         return(148);
      case TRADE_RETCODE_POSITION_CLOSED:
         return(4108);
      case TRADE_RETCODE_LONG_ONLY:
         return(140);
      case TRADE_RETCODE_HEDGE_PROHIBITED:
         return(149);
      case TRADE_RETCODE_FIFO_CLOSE:
         return(150);
     }
   return(1);
  }
#endif
