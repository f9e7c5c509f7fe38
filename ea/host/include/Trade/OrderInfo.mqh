// Stands in for MetaQuotes' class of this name: the pending order that is selected.
#ifndef EAG_TRADE_ORDER
#define EAG_TRADE_ORDER
class COrderInfo
  {
public:
   bool              Select(void) { return(true); }
   bool              Select(const ulong ticket) { return(OrderSelect(ticket)); }
   bool              SelectByIndex(const int place) { OrdersTotal(); return(OrderGetTicket(place)>0); }
   ulong             Ticket(void) const { return((ulong)OrderGetInteger(ORDER_TICKET)); }
   long              Magic(void) const { return(OrderGetInteger(ORDER_MAGIC)); }
   long              PositionId(void) const { return(OrderGetInteger(ORDER_POSITION_ID)); }
   datetime          TimeSetup(void) const { return((datetime)OrderGetInteger(ORDER_TIME_SETUP)); }
   datetime          TimeExpiration(void) const { return((datetime)OrderGetInteger(ORDER_TIME_EXPIRATION)); }
   datetime          TimeDone(void) const { return((datetime)OrderGetInteger(ORDER_TIME_DONE)); }
   ENUM_ORDER_TYPE   OrderType(void) const { return((ENUM_ORDER_TYPE)OrderGetInteger(ORDER_TYPE)); }
   ENUM_ORDER_STATE  State(void) const { return((ENUM_ORDER_STATE)OrderGetInteger(ORDER_STATE)); }
   string            TypeDescription(void) const { return(EnumToString(OrderType())); }
   double            VolumeInitial(void) const { return(OrderGetDouble(ORDER_VOLUME_INITIAL)); }
   double            VolumeCurrent(void) const { return(OrderGetDouble(ORDER_VOLUME_CURRENT)); }
   double            PriceOpen(void) const { return(OrderGetDouble(ORDER_PRICE_OPEN)); }
   double            PriceCurrent(void) const { return(OrderGetDouble(ORDER_PRICE_CURRENT)); }
   double            StopLoss(void) const { return(OrderGetDouble(ORDER_SL)); }
   double            TakeProfit(void) const { return(OrderGetDouble(ORDER_TP)); }
   string            Symbol(void) const { return(OrderGetString(ORDER_SYMBOL)); }
   string            Comment(void) const { return(OrderGetString(ORDER_COMMENT)); }
  };
#endif
