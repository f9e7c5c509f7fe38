// Stands in for MetaQuotes' class of this name: one symbol and its newest price.
#ifndef EAG_TRADE_SYMBOL
#define EAG_TRADE_SYMBOL
class CSymbolInfo
  {
private:
   string            m_name;
   MqlTick           m_tick;

public:
                     CSymbolInfo(void) { m_name=_Symbol; }
   string            Name(void) const { return(m_name); }
   bool              Name(const string name) { m_name=name; return(SymbolSelect(name,true)); }
   bool              Refresh(void) { return(true); }
   bool              RefreshRates(void) { return(SymbolInfoTick(m_name,m_tick)); }
   bool              Select(void) const { return(SymbolSelect(m_name,true)); }
   bool              Select(const bool select) { return(SymbolSelect(m_name,select)); }
   bool              IsSynchronized(void) const { return(true); }
   double            Bid(void) const { return(m_tick.bid); }
   double            Ask(void) const { return(m_tick.ask); }
   double            Last(void) const { return(m_tick.last); }
   datetime          Time(void) const { return(m_tick.time); }
   ulong             Volume(void) const { return(m_tick.volume); }
   int               Spread(void) const { return((int)SymbolInfoInteger(m_name,SYMBOL_SPREAD)); }
   bool              SpreadFloat(void) const { return(true); }
   int               Digits(void) const { return((int)SymbolInfoInteger(m_name,SYMBOL_DIGITS)); }
   double            Point(void) const { return(SymbolInfoDouble(m_name,SYMBOL_POINT)); }
   int               StopsLevel(void) const { return((int)SymbolInfoInteger(m_name,SYMBOL_TRADE_STOPS_LEVEL)); }
   int               FreezeLevel(void) const { return((int)SymbolInfoInteger(m_name,SYMBOL_TRADE_FREEZE_LEVEL)); }
   double            TickValue(void) const { return(SymbolInfoDouble(m_name,SYMBOL_TRADE_TICK_VALUE)); }
   double            TickValueProfit(void) const { return(SymbolInfoDouble(m_name,SYMBOL_TRADE_TICK_VALUE)); }
   double            TickValueLoss(void) const { return(SymbolInfoDouble(m_name,SYMBOL_TRADE_TICK_VALUE)); }
   double            TickSize(void) const { return(SymbolInfoDouble(m_name,SYMBOL_TRADE_TICK_SIZE)); }
   double            ContractSize(void) const { return(SymbolInfoDouble(m_name,SYMBOL_TRADE_CONTRACT_SIZE)); }
   double            LotsMin(void) const { return(SymbolInfoDouble(m_name,SYMBOL_VOLUME_MIN)); }
   double            LotsMax(void) const { return(SymbolInfoDouble(m_name,SYMBOL_VOLUME_MAX)); }
   double            LotsStep(void) const { return(SymbolInfoDouble(m_name,SYMBOL_VOLUME_STEP)); }
   double            LotsLimit(void) const { return(SymbolInfoDouble(m_name,SYMBOL_VOLUME_LIMIT)); }
   double            SwapLong(void) const { return(SymbolInfoDouble(m_name,SYMBOL_SWAP_LONG)); }
   double            SwapShort(void) const { return(SymbolInfoDouble(m_name,SYMBOL_SWAP_SHORT)); }
   ENUM_SYMBOL_TRADE_MODE TradeMode(void) const { return((ENUM_SYMBOL_TRADE_MODE)SymbolInfoInteger(m_name,SYMBOL_TRADE_MODE)); }
   int               TradeFillFlags(void) const { return((int)SymbolInfoInteger(m_name,SYMBOL_FILLING_MODE)); }
   ENUM_SYMBOL_TRADE_EXECUTION TradeExecution(void) const { return((ENUM_SYMBOL_TRADE_EXECUTION)SymbolInfoInteger(m_name,SYMBOL_TRADE_EXEMODE)); }
   string            CurrencyBase(void) const { return(SymbolInfoString(m_name,SYMBOL_CURRENCY_BASE)); }
   string            CurrencyProfit(void) const { return(SymbolInfoString(m_name,SYMBOL_CURRENCY_PROFIT)); }
   string            CurrencyMargin(void) const { return(SymbolInfoString(m_name,SYMBOL_CURRENCY_MARGIN)); }
   string            Description(void) const { return(SymbolInfoString(m_name,SYMBOL_DESCRIPTION)); }
   string            Path(void) const { return(SymbolInfoString(m_name,SYMBOL_PATH)); }
   double            NormalizePrice(const double price) const { return(NormalizeDouble(price,Digits())); }
  };
#endif
