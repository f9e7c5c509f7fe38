// Stands in for MetaQuotes' class of this name.
#ifndef EAG_TRADE_ACCOUNT
#define EAG_TRADE_ACCOUNT
class CAccountInfo
  {
public:
   long              Login(void) const { return(AccountInfoInteger(ACCOUNT_LOGIN)); }
   long              Leverage(void) const { return(AccountInfoInteger(ACCOUNT_LEVERAGE)); }
   ENUM_ACCOUNT_TRADE_MODE TradeMode(void) const { return((ENUM_ACCOUNT_TRADE_MODE)AccountInfoInteger(ACCOUNT_TRADE_MODE)); }
   ENUM_ACCOUNT_MARGIN_MODE MarginMode(void) const { return((ENUM_ACCOUNT_MARGIN_MODE)AccountInfoInteger(ACCOUNT_MARGIN_MODE)); }
   bool              TradeAllowed(void) const { return(AccountInfoInteger(ACCOUNT_TRADE_ALLOWED)!=0); }
   bool              TradeExpert(void) const { return(AccountInfoInteger(ACCOUNT_TRADE_EXPERT)!=0); }
   int               LimitOrders(void) const { return((int)AccountInfoInteger(ACCOUNT_LIMIT_ORDERS)); }
   double            Balance(void) const { return(AccountInfoDouble(ACCOUNT_BALANCE)); }
   double            Credit(void) const { return(AccountInfoDouble(ACCOUNT_CREDIT)); }
   double            Profit(void) const { return(AccountInfoDouble(ACCOUNT_PROFIT)); }
   double            Equity(void) const { return(AccountInfoDouble(ACCOUNT_EQUITY)); }
   double            Margin(void) const { return(AccountInfoDouble(ACCOUNT_MARGIN)); }
   double            FreeMargin(void) const { return(AccountInfoDouble(ACCOUNT_MARGIN_FREE)); }
   double            MarginLevel(void) const { return(AccountInfoDouble(ACCOUNT_MARGIN_LEVEL)); }
   string            Name(void) const { return(AccountInfoString(ACCOUNT_NAME)); }
   string            Server(void) const { return(AccountInfoString(ACCOUNT_SERVER)); }
   string            Currency(void) const { return(AccountInfoString(ACCOUNT_CURRENCY)); }
   string            Company(void) const { return(AccountInfoString(ACCOUNT_COMPANY)); }
   double            MarginCheck(const string symbol,const ENUM_ORDER_TYPE type,const double volume,const double price) const
     {
      double margin=0;
      return(OrderCalcMargin(type,symbol,volume,price,margin) ? margin : EMPTY_VALUE);
     }
   double            FreeMarginCheck(const string symbol,const ENUM_ORDER_TYPE type,const double volume,const double price) const
     { return(FreeMargin()-MarginCheck(symbol,type,volume,price)); }
   double            OrderProfitCheck(const string symbol,const ENUM_ORDER_TYPE type,const double volume,const double opened,const double closed) const
     {
      double profit=0;
      return(OrderCalcProfit(type,symbol,volume,opened,closed,profit) ? profit : EMPTY_VALUE);
     }
   double            MaxLotCheck(const string symbol,const ENUM_ORDER_TYPE type,const double price,const double percent=100) const
     {
      double one=MarginCheck(symbol,type,1.0,price);
      return(one>0 ? NormalizeDouble(FreeMargin()*percent/100.0/one,2) : 0);
     }
  };
#endif
