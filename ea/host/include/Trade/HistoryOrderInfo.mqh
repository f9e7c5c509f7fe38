// Stands in for MetaQuotes' class of this name: an order of the history that is selected.
#ifndef EAG_TRADE_HISTORY
#define EAG_TRADE_HISTORY
class CHistoryOrderInfo
  {
private:
   ulong             m_ticket;

public:
                     CHistoryOrderInfo(void) { m_ticket=0; }
   void              Ticket(const ulong ticket) { m_ticket=ticket; }
   ulong             Ticket(void) const { return(m_ticket); }
   bool              SelectByIndex(const int place) { m_ticket=HistoryOrderGetTicket(place); return(m_ticket>0); }
   long              Magic(void) const { return(HistoryOrderGetInteger(m_ticket,ORDER_MAGIC)); }
   datetime          TimeSetup(void) const { return((datetime)HistoryOrderGetInteger(m_ticket,ORDER_TIME_SETUP)); }
   datetime          TimeDone(void) const { return((datetime)HistoryOrderGetInteger(m_ticket,ORDER_TIME_DONE)); }
   ENUM_ORDER_TYPE   OrderType(void) const { return((ENUM_ORDER_TYPE)HistoryOrderGetInteger(m_ticket,ORDER_TYPE)); }
   ENUM_ORDER_STATE  State(void) const { return((ENUM_ORDER_STATE)HistoryOrderGetInteger(m_ticket,ORDER_STATE)); }
   double            VolumeInitial(void) const { return(HistoryOrderGetDouble(m_ticket,ORDER_VOLUME_INITIAL)); }
   double            PriceOpen(void) const { return(HistoryOrderGetDouble(m_ticket,ORDER_PRICE_OPEN)); }
   string            Symbol(void) const { return(HistoryOrderGetString(m_ticket,ORDER_SYMBOL)); }
   string            Comment(void) const { return(HistoryOrderGetString(m_ticket,ORDER_COMMENT)); }
  };
#endif
