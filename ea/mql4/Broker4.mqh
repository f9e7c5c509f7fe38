//+------------------------------------------------------------------+
//| Broker4.mqh: MetaTrader 4's orders behind CBroker.               |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_BROKER4
#define EAG_BROKER4
#include "../core/Broker.mqh"
#include "Identity.mqh"

class CBroker4 : public CBroker
  {
private:
   string            m_symbols[];
   double            m_points[];
   int               m_known;

   double            PointOf(const string symbol);
   void              Selected(SRow &row);
   bool              Rows(const int pool,SRow &rows[]);
   int               Error(void) const;

public:
                     CBroker4(void) { m_known=0; }
   virtual string    Platform(void) { return("mt4"); }
   virtual long      Login(void) { return(IdentityLogin()); }
   virtual string    Server(void) { return(IdentityServer()); }
   virtual string    Company(void) { return(AccountCompany()); }
   virtual string    Currency(void) { return(AccountCurrency()); }
   virtual int       Leverage(void) { return(AccountLeverage()); }
   virtual int       Build(void) { return((int)TerminalInfoInteger(TERMINAL_BUILD)); }
   virtual double    Balance(void) { return(AccountBalance()); }
   virtual double    Equity(void) { return(AccountEquity()); }
   virtual double    Margin(void) { return(AccountMargin()); }
   virtual double    FreeMargin(void) { return(AccountFreeMargin()); }
   virtual bool      Connected(void) { return(IsConnected()); }
   virtual bool      TradeAllowed(void) { return(IsTradeAllowed() || IsTradeContextBusy()); }
   virtual bool      DllAllowed(void) { return(IsDllsAllowed()); }
   virtual bool      Busy(void) { return(IsTradeContextBusy()); }
   virtual bool      Testing(void) { return(IsTesting() || IsOptimization()); }
   virtual int       Symbols(void) { return(SymbolsTotal(false)); }
   virtual string    SymbolAt(const int place) { return(SymbolName(place,false)); }
   virtual bool      Terms(const string symbol,STerms &terms);
   virtual bool      Quote(const string symbol,double &bid,double &ask);
   virtual bool      Trades(SRow &rows[]) { return(Rows(MODE_TRADES,rows)); }
   virtual bool      History(SRow &rows[]) { return(Rows(MODE_HISTORY,rows)); }
   virtual int       HistoryCount(void) { return(OrdersHistoryTotal()); }
   virtual bool      Money(const long ticket,SRow &row,SMoney &money);
   virtual int       Send(SOrder &order);
   virtual int       Close(const long ticket,const double lots,const double price,const int slippage);
   virtual int       Modify(const long ticket,const double price,const double sl,const double tp,const datetime expiry);
   virtual int       Delete(const long ticket);
  };
bool CBroker4::Terms(const string symbol,STerms &terms)
  {
   terms.name=symbol;
   terms.digits=(int)MarketInfo(symbol,MODE_DIGITS);
   terms.point=MarketInfo(symbol,MODE_POINT);
   terms.contract=MarketInfo(symbol,MODE_LOTSIZE);
   terms.lots_min=MarketInfo(symbol,MODE_MINLOT);
   terms.lots_step=MarketInfo(symbol,MODE_LOTSTEP);
   terms.lots_max=MarketInfo(symbol,MODE_MAXLOT);
   terms.tick_size=MarketInfo(symbol,MODE_TICKSIZE);
   terms.tick_value=MarketInfo(symbol,MODE_TICKVALUE);
   terms.stop_level=(int)MarketInfo(symbol,MODE_STOPLEVEL);
   terms.freeze_level=(int)MarketInfo(symbol,MODE_FREEZELEVEL);
   terms.quote_currency=SymbolInfoString(symbol,SYMBOL_CURRENCY_PROFIT);
   int calculation=(int)MarketInfo(symbol,MODE_PROFITCALCMODE);
   terms.calculation=(calculation==0) ? "forex" : (calculation==1) ? "cfd" : "futures";
   terms.mode=(MarketInfo(symbol,MODE_TRADEALLOWED)!=0) ? "full" : "disabled";
   return(terms.lots_min>0 && terms.lots_step>0 && terms.lots_max>0 && terms.contract>0);
  }
//--- no price is no fact: zero says that the terminal has none, perhaps because the symbol is hidden
bool CBroker4::Quote(const string symbol,double &bid,double &ask)
  {
   RefreshRates();
   if(MarketInfo(symbol,MODE_BID)<=0)
      SymbolSelect(symbol,true);
   bid=MarketInfo(symbol,MODE_BID);
   ask=MarketInfo(symbol,MODE_ASK);
   return(bid>0 && ask>0);
  }
double CBroker4::PointOf(const string symbol)
  {
   for(int i=0; i<m_known; i++)
      if(m_symbols[i]==symbol)
         return(m_points[i]);
   double point=MarketInfo(symbol,MODE_POINT);
   if(point<=0)
      return(0);
   ArrayResize(m_symbols,m_known+1,64);
   ArrayResize(m_points,m_known+1,64);
   m_symbols[m_known]=symbol;
   m_points[m_known]=point;
   m_known++;
   return(point);
  }
void CBroker4::Selected(SRow &row)
  {
   row.ticket=(long)OrderTicket();
   row.type=OrderType();
   row.symbol=OrderSymbol();
   row.lots=OrderLots();
   row.price=OrderOpenPrice();
   row.opened=OrderOpenTime();
   row.sl=OrderStopLoss();
   row.tp=OrderTakeProfit();
   row.expiry=OrderExpiration();
   row.closed=OrderCloseTime();
   row.close_price=OrderClosePrice();
   row.magic=(long)OrderMagicNumber();
   row.comment=OrderComment();
   row.position=0;
   row.closer=0;
   row.left=0;
  }
//--- All orders of a pool, from high to low. A list that moves meanwhile, a row that cannot be selected or stands there
//--- twice: the look is void.
bool CBroker4::Rows(const int pool,SRow &rows[])
  {
   bool living=(pool==MODE_TRADES);
   int total=living ? OrdersTotal() : OrdersHistoryTotal();
   int found=0;
   ArrayResize(rows,total);
   for(int i=total-1; i>=0; i--)
     {
      if(!OrderSelect(i,SELECT_BY_POS,pool))
         return(false);
      int type=OrderType();
      if(!IsTradeType(type) && (living || (type!=BALANCE_TYPE && type!=CREDIT_TYPE)))
         continue;
      Selected(rows[found]);
      found++;
     }
   ArrayResize(rows,found);
   for(int k=0; k<found; k++)
     {
      rows[k].point=PointOf(rows[k].symbol);
      for(int j=0; living && j<k; j++)
         if(rows[j].ticket==rows[k].ticket)
            return(false);
     }
   return(!living || OrdersTotal()==total);
  }
bool CBroker4::Money(const long ticket,SRow &row,SMoney &money)
  {
   if(!OrderSelect((int)ticket,SELECT_BY_TICKET))
      return(false);
   Selected(row);
   money.profit=OrderProfit();
   money.swap=OrderSwap();
   money.commission=OrderCommission();
   row.point=PointOf(row.symbol);
   return(true);
  }
//--- an order that failed without a number is an order of which nothing is known
int CBroker4::Error(void) const
  {
   int code=GetLastError();
   return(code==0 ? 1 : code);
  }
int CBroker4::Send(SOrder &order)
  {
   ResetLastError();
   int ticket=OrderSend(order.symbol,order.type,order.lots,order.price,order.slippage,order.sl,order.tp,order.comment,
                        (int)order.magic,order.expiry,clrNONE);
   order.ticket=(long)ticket;
   return(ticket>0 ? 0 : Error());
  }
int CBroker4::Close(const long ticket,const double lots,const double price,const int slippage)
  {
   ResetLastError();
   return(OrderClose((int)ticket,lots,price,slippage,clrNONE) ? 0 : Error());
  }
int CBroker4::Modify(const long ticket,const double price,const double sl,const double tp,const datetime expiry)
  {
   ResetLastError();
   return(OrderModify((int)ticket,price,sl,tp,expiry,clrNONE) ? 0 : Error());
  }
int CBroker4::Delete(const long ticket)
  {
   ResetLastError();
   return(OrderDelete((int)ticket,clrNONE) ? 0 : Error());
  }
#endif
