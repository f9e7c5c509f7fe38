// Stands in for MetaQuotes' class of this name: the requests of MetaTrader 5, in one call each.
#ifndef EAG_TRADE_TRADE
#define EAG_TRADE_TRADE
enum ENUM_LOG_LEVELS { LOG_LEVEL_NO, LOG_LEVEL_ERRORS, LOG_LEVEL_ALL };
class CTrade
  {
protected:
   MqlTradeRequest   m_request;
   MqlTradeResult    m_result;
   MqlTradeCheckResult m_check;
   ulong             m_magic;
   ulong             m_deviation;
   ENUM_ORDER_TYPE_FILLING m_filling;
   bool              m_chosen;

   string            Named(const string symbol) { return(symbol==NULL || symbol=="" ? _Symbol : symbol); }
   void              Begin(const ENUM_TRADE_REQUEST_ACTIONS action,const string symbol)
     {
      ZeroMemory(m_request);
      ZeroMemory(m_result);
      m_request.action=action;
      m_request.symbol=Named(symbol);
      m_request.magic=m_magic;
      m_request.deviation=m_deviation;
      m_request.type_filling=Filling(m_request.symbol);
     }
   ENUM_ORDER_TYPE_FILLING Filling(const string symbol)
     {
      long modes=SymbolInfoInteger(symbol,SYMBOL_FILLING_MODE);
      if(m_filling==ORDER_FILLING_FOK && (modes&SYMBOL_FILLING_FOK)==0)
         return(ORDER_FILLING_IOC);
      if(m_filling==ORDER_FILLING_IOC && (modes&SYMBOL_FILLING_IOC)==0)
         return(ORDER_FILLING_FOK);
      return(m_filling==ORDER_FILLING_RETURN && modes!=0 ? ((modes&SYMBOL_FILLING_FOK)!=0 ? ORDER_FILLING_FOK : ORDER_FILLING_IOC) : m_filling);
     }
   bool              Send(void) { return(OrderSend(m_request,m_result)); }
   bool              CloseTicket(const ulong ticket,const double volume,const ulong deviation)
     {
      if(!PositionSelectByTicket(ticket))
         return(false);
      Begin(TRADE_ACTION_DEAL,PositionGetString(POSITION_SYMBOL));
      bool buys=PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY;
      m_request.position=ticket;
      m_request.type=buys ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
      m_request.volume=volume>0 ? MathMin(volume,PositionGetDouble(POSITION_VOLUME)) : PositionGetDouble(POSITION_VOLUME);
      m_request.price=SymbolInfoDouble(m_request.symbol,buys ? SYMBOL_BID : SYMBOL_ASK);
      if(deviation!=ULONG_MAX)
         m_request.deviation=deviation;
      return(Send());
     }

public:
                     CTrade(void) { m_magic=0; m_deviation=10; m_filling=ORDER_FILLING_FOK; m_chosen=false; }
   void              LogLevel(const int level) { }
   void              SetExpertMagicNumber(const ulong magic) { m_magic=magic; }
   void              SetDeviationInPoints(const ulong deviation) { m_deviation=deviation; }
   void              SetTypeFilling(const ENUM_ORDER_TYPE_FILLING filling) { m_filling=filling; }
   bool              SetTypeFillingBySymbol(const string symbol) { m_filling=Filling(Named(symbol)); return(true); }
   void              SetMarginMode(void) { }
   void              SetAsyncMode(const bool mode) { }
   void              SetOrderPriority(const int priority) { }
   ulong             RequestMagic(void) const { return(m_magic); }
   ulong             RequestPosition(void) const { return(m_request.position); }
   string            RequestSymbol(void) const { return(m_request.symbol); }
   double            RequestVolume(void) const { return(m_request.volume); }
   double            RequestPrice(void) const { return(m_request.price); }
   double            RequestSL(void) const { return(m_request.sl); }
   double            RequestTP(void) const { return(m_request.tp); }
   void              Request(MqlTradeRequest &request) const { request=m_request; }
   void              Result(MqlTradeResult &result) const { result=m_result; }
   uint              ResultRetcode(void) const { return(m_result.retcode); }
   string            ResultRetcodeDescription(void) const { return("retcode "+IntegerToString(m_result.retcode)); }
   ulong             ResultDeal(void) const { return(m_result.deal); }
   ulong             ResultOrder(void) const { return(m_result.order); }
   double            ResultVolume(void) const { return(m_result.volume); }
   double            ResultPrice(void) const { return(m_result.price); }
   double            ResultBid(void) const { return(m_result.bid); }
   double            ResultAsk(void) const { return(m_result.ask); }
   string            ResultComment(void) const { return(m_result.comment); }
   uint              CheckResultRetcode(void) const { return(m_check.retcode); }
   void              PrintRequest(void) const { Print("request ",m_request.symbol," ",m_request.volume); }
   void              PrintResult(void) const { Print("retcode ",m_result.retcode); }

   bool              PositionOpen(const string symbol,const ENUM_ORDER_TYPE type,const double volume,const double price,const double sl,const double tp,const string comment="")
     {
      Begin(TRADE_ACTION_DEAL,symbol);
      m_request.type=type;
      m_request.volume=volume;
      m_request.price=price>0 ? price : SymbolInfoDouble(m_request.symbol,type==ORDER_TYPE_BUY ? SYMBOL_ASK : SYMBOL_BID);
      m_request.sl=sl;
      m_request.tp=tp;
      m_request.comment=comment;
      return(Send());
     }
   bool              Buy(const double volume,const string symbol=NULL,double price=0.0,const double sl=0.0,const double tp=0.0,const string comment="")
     { return(PositionOpen(symbol,ORDER_TYPE_BUY,volume,price,sl,tp,comment)); }
   bool              Sell(const double volume,const string symbol=NULL,double price=0.0,const double sl=0.0,const double tp=0.0,const string comment="")
     { return(PositionOpen(symbol,ORDER_TYPE_SELL,volume,price,sl,tp,comment)); }
   bool              PositionClose(const ulong ticket,const ulong deviation=ULONG_MAX) { return(CloseTicket(ticket,0,deviation)); }
   bool              PositionClose(const string symbol,const ulong deviation=ULONG_MAX)
     { return(PositionSelect(symbol) && CloseTicket(PositionGetInteger(POSITION_TICKET),0,deviation)); }
   bool              PositionClosePartial(const ulong ticket,const double volume,const ulong deviation=ULONG_MAX) { return(CloseTicket(ticket,volume,deviation)); }
   bool              PositionClosePartial(const string symbol,const double volume,const ulong deviation=ULONG_MAX)
     { return(PositionSelect(symbol) && CloseTicket(PositionGetInteger(POSITION_TICKET),volume,deviation)); }
   bool              PositionCloseBy(const ulong ticket,const ulong opposite)
     {
      Begin(TRADE_ACTION_CLOSE_BY,_Symbol);
      m_request.position=ticket;
      m_request.position_by=opposite;
      return(Send());
     }
   bool              PositionModify(const ulong ticket,const double sl,const double tp)
     {
      if(!PositionSelectByTicket(ticket))
         return(false);
      Begin(TRADE_ACTION_SLTP,PositionGetString(POSITION_SYMBOL));
      m_request.position=ticket;
      m_request.sl=sl;
      m_request.tp=tp;
      return(Send());
     }
   bool              PositionModify(const string symbol,const double sl,const double tp)
     { return(PositionSelect(symbol) && PositionModify((ulong)PositionGetInteger(POSITION_TICKET),sl,tp)); }
   bool              OrderOpen(const string symbol,const ENUM_ORDER_TYPE type,const double volume,const double limit_price,const double price,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="")
     {
      Begin(TRADE_ACTION_PENDING,symbol);
      m_request.type=type;
      m_request.volume=volume;
      m_request.stoplimit=limit_price;
      m_request.price=price;
      m_request.sl=sl;
      m_request.tp=tp;
      m_request.type_time=type_time;
      m_request.expiration=expiration;
      m_request.comment=comment;
      return(Send());
     }
   bool              BuyLimit(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="")
     { return(OrderOpen(symbol,ORDER_TYPE_BUY_LIMIT,volume,0,price,sl,tp,type_time,expiration,comment)); }
   bool              BuyStop(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="")
     { return(OrderOpen(symbol,ORDER_TYPE_BUY_STOP,volume,0,price,sl,tp,type_time,expiration,comment)); }
   bool              SellLimit(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="")
     { return(OrderOpen(symbol,ORDER_TYPE_SELL_LIMIT,volume,0,price,sl,tp,type_time,expiration,comment)); }
   bool              SellStop(const double volume,const double price,const string symbol=NULL,const double sl=0.0,const double tp=0.0,const ENUM_ORDER_TYPE_TIME type_time=ORDER_TIME_GTC,const datetime expiration=0,const string comment="")
     { return(OrderOpen(symbol,ORDER_TYPE_SELL_STOP,volume,0,price,sl,tp,type_time,expiration,comment)); }
   bool              OrderModify(const ulong ticket,const double price,const double sl,const double tp,const ENUM_ORDER_TYPE_TIME type_time,const datetime expiration,const double stoplimit=0.0)
     {
      if(!OrderSelect(ticket))
         return(false);
      Begin(TRADE_ACTION_MODIFY,OrderGetString(ORDER_SYMBOL));
      m_request.order=ticket;
      m_request.price=price;
      m_request.sl=sl;
      m_request.tp=tp;
      m_request.type_time=type_time;
      m_request.expiration=expiration;
      return(Send());
     }
   bool              OrderDelete(const ulong ticket)
     {
      Begin(TRADE_ACTION_REMOVE,_Symbol);
      m_request.order=ticket;
      return(Send());
     }
   double            CheckVolume(const string symbol,double volume,double price,ENUM_ORDER_TYPE type) { return(volume); }
  };
#endif
