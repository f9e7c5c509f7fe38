// Stands in for MetaQuotes' class of this name: a deal of the history that is selected.
#ifndef EAG_TRADE_DEAL
#define EAG_TRADE_DEAL
class CDealInfo
  {
private:
   ulong             m_ticket;

public:
                     CDealInfo(void) { m_ticket=0; }
   void              Ticket(const ulong ticket) { m_ticket=ticket; }
   ulong             Ticket(void) const { return(m_ticket); }
   bool              SelectByIndex(const int place) { m_ticket=HistoryDealGetTicket(place); return(m_ticket>0); }
   long              Order(void) const { return(HistoryDealGetInteger(m_ticket,DEAL_ORDER)); }
   datetime          Time(void) const { return((datetime)HistoryDealGetInteger(m_ticket,DEAL_TIME)); }
   ENUM_DEAL_TYPE    DealType(void) const { return((ENUM_DEAL_TYPE)HistoryDealGetInteger(m_ticket,DEAL_TYPE)); }
   ENUM_DEAL_ENTRY   Entry(void) const { return((ENUM_DEAL_ENTRY)HistoryDealGetInteger(m_ticket,DEAL_ENTRY)); }
   long              Magic(void) const { return(HistoryDealGetInteger(m_ticket,DEAL_MAGIC)); }
   long              PositionId(void) const { return(HistoryDealGetInteger(m_ticket,DEAL_POSITION_ID)); }
   double            Volume(void) const { return(HistoryDealGetDouble(m_ticket,DEAL_VOLUME)); }
   double            Price(void) const { return(HistoryDealGetDouble(m_ticket,DEAL_PRICE)); }
   double            Commission(void) const { return(HistoryDealGetDouble(m_ticket,DEAL_COMMISSION)); }
   double            Swap(void) const { return(HistoryDealGetDouble(m_ticket,DEAL_SWAP)); }
   double            Profit(void) const { return(HistoryDealGetDouble(m_ticket,DEAL_PROFIT)); }
   string            Symbol(void) const { return(HistoryDealGetString(m_ticket,DEAL_SYMBOL)); }
   string            Comment(void) const { return(HistoryDealGetString(m_ticket,DEAL_COMMENT)); }
  };
#endif
