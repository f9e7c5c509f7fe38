// Stands in for MetaQuotes' class of this name: the position that is selected.
#ifndef EAG_TRADE_POSITION
#define EAG_TRADE_POSITION
class CPositionInfo
  {
public:
   bool              Select(const string symbol) { return(PositionSelect(symbol)); }
   bool              SelectByTicket(const ulong ticket) { return(PositionSelectByTicket(ticket)); }
   bool              SelectByIndex(const int place) { PositionsTotal(); return(PositionGetTicket(place)>0); }
   bool              SelectByMagic(const string symbol,const ulong magic)
     {
      for(int i=PositionsTotal()-1; i>=0; i--)
         if(PositionGetSymbol(i)==symbol && PositionGetInteger(POSITION_MAGIC)==(long)magic)
            return(true);
      return(false);
     }
   void              StoreState(void) { }
   bool              CheckState(void) { return(false); }
   ulong             Ticket(void) const { return((ulong)PositionGetInteger(POSITION_TICKET)); }
   long              Identifier(void) const { return(PositionGetInteger(POSITION_IDENTIFIER)); }
   long              Magic(void) const { return(PositionGetInteger(POSITION_MAGIC)); }
   datetime          Time(void) const { return((datetime)PositionGetInteger(POSITION_TIME)); }
   ulong             TimeMsc(void) const { return((ulong)PositionGetInteger(POSITION_TIME_MSC)); }
   datetime          TimeUpdate(void) const { return((datetime)PositionGetInteger(POSITION_TIME_UPDATE)); }
   ENUM_POSITION_TYPE PositionType(void) const { return((ENUM_POSITION_TYPE)PositionGetInteger(POSITION_TYPE)); }
   string            TypeDescription(void) const { return(PositionType()==POSITION_TYPE_BUY ? "buy" : "sell"); }
   double            Volume(void) const { return(PositionGetDouble(POSITION_VOLUME)); }
   double            PriceOpen(void) const { return(PositionGetDouble(POSITION_PRICE_OPEN)); }
   double            PriceCurrent(void) const { return(PositionGetDouble(POSITION_PRICE_CURRENT)); }
   double            StopLoss(void) const { return(PositionGetDouble(POSITION_SL)); }
   double            TakeProfit(void) const { return(PositionGetDouble(POSITION_TP)); }
   double            Commission(void) const { return(0); }
   double            Swap(void) const { return(PositionGetDouble(POSITION_SWAP)); }
   double            Profit(void) const { return(PositionGetDouble(POSITION_PROFIT)); }
   string            Symbol(void) const { return(PositionGetString(POSITION_SYMBOL)); }
   string            Comment(void) const { return(PositionGetString(POSITION_COMMENT)); }
  };
#endif
