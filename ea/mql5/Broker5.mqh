//+------------------------------------------------------------------+
//| Broker5.mqh: MetaTrader 5's positions and orders behind CBroker. |
//| A row's ticket is the position's identifier: it stays through    |
//| partial closes, and when the broker opens all positions anew.    |
//| Hedging accounts only.                                           |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_BROKER5
#define EAG_BROKER5
#include "../core/Broker.mqh"
#include "Deals.mqh"
#include "Identity.mqh"
#include "Retcodes.mqh"

class CBroker5 : public CBroker
  {
private:
   string            m_symbols[];
   double            m_points[];
   int               m_known;
   CDeals            m_deals;
   long              m_closed_as;
   double            m_closed_lots;

   double            PointOf(const string symbol);
   int               Positions(SRow &rows[],int &count);
   int               Pending(SRow &rows[],int &count);
   bool              Select(const long identifier) const;
   ENUM_ORDER_TYPE_FILLING Filling(const string symbol) const;
   int               Request(MqlTradeRequest &request,MqlTradeResult &result);

public:
                     CBroker5(void) { m_known=0; m_closed_as=0; m_closed_lots=0; }
   virtual string    Platform(void) { return("mt5"); }
   virtual long      Login(void) { return(IdentityLogin()); }
   virtual string    Server(void) { return(IdentityServer()); }
   virtual string    Company(void) { return(AccountInfoString(ACCOUNT_COMPANY)); }
   virtual string    Currency(void) { return(AccountInfoString(ACCOUNT_CURRENCY)); }
   virtual int       Leverage(void) { return((int)AccountInfoInteger(ACCOUNT_LEVERAGE)); }
   virtual int       Build(void) { return((int)TerminalInfoInteger(TERMINAL_BUILD)); }
   virtual double    Balance(void) { return(AccountInfoDouble(ACCOUNT_BALANCE)); }
   virtual double    Equity(void) { return(AccountInfoDouble(ACCOUNT_EQUITY)); }
   virtual double    Margin(void) { return(AccountInfoDouble(ACCOUNT_MARGIN)); }
   virtual double    FreeMargin(void) { return(AccountInfoDouble(ACCOUNT_MARGIN_FREE)); }
   virtual bool      Connected(void) { return(TerminalInfoInteger(TERMINAL_CONNECTED)!=0); }
   virtual bool      TradeAllowed(void);
   virtual bool      DllAllowed(void) { return(MQLInfoInteger(MQL_DLLS_ALLOWED)!=0); }
   virtual bool      Testing(void) { return(MQLInfoInteger(MQL_TESTER)!=0 || MQLInfoInteger(MQL_OPTIMIZATION)!=0); }
   virtual bool      Hedging(void) { return(AccountInfoInteger(ACCOUNT_MARGIN_MODE)==ACCOUNT_MARGIN_MODE_RETAIL_HEDGING); }
   virtual bool      Fifo(void) { return(AccountInfoInteger(ACCOUNT_FIFO_CLOSE)!=0); }
   virtual int       Symbols(void) { return(SymbolsTotal(false)); }
   virtual string    SymbolAt(const int place) { return(SymbolName(place,false)); }
   virtual bool      Terms(const string symbol,STerms &terms);
   virtual bool      Quote(const string symbol,double &bid,double &ask);
   virtual bool      Trades(SRow &rows[]);
   virtual bool      History(SRow &rows[]) { return(m_deals.All(rows)); }
   virtual int       HistoryCount(void) { return(CDeals::Name()); }
   virtual bool      Money(const long ticket,SRow &row,SMoney &money);
   virtual int       Send(SOrder &order);
   virtual int       Close(const long ticket,const double lots,const double price,const int slippage);
   virtual double    ClosedLots(const double lots) { return(m_closed_lots>0 ? MathMin(lots,m_closed_lots) : lots); }
   virtual long      ClosedAs(const long ticket) { return(m_closed_as>0 ? m_closed_as : ticket); }
   virtual int       Modify(const long ticket,const double price,const double sl,const double tp,const datetime expiry);
   virtual int       Delete(const long ticket);
  };
//--- four switches: the terminal's, the program's, and the broker's for the account and for programs
bool CBroker5::TradeAllowed(void)
  {
   return(TerminalInfoInteger(TERMINAL_TRADE_ALLOWED)!=0 && MQLInfoInteger(MQL_TRADE_ALLOWED)!=0
          && AccountInfoInteger(ACCOUNT_TRADE_ALLOWED)!=0 && AccountInfoInteger(ACCOUNT_TRADE_EXPERT)!=0);
  }
bool CBroker5::Terms(const string symbol,STerms &terms)
  {
   terms.name=symbol;
   terms.digits=(int)SymbolInfoInteger(symbol,SYMBOL_DIGITS);
   terms.point=SymbolInfoDouble(symbol,SYMBOL_POINT);
   terms.contract=SymbolInfoDouble(symbol,SYMBOL_TRADE_CONTRACT_SIZE);
   terms.lots_min=SymbolInfoDouble(symbol,SYMBOL_VOLUME_MIN);
   terms.lots_step=SymbolInfoDouble(symbol,SYMBOL_VOLUME_STEP);
   terms.lots_max=SymbolInfoDouble(symbol,SYMBOL_VOLUME_MAX);
   terms.tick_size=SymbolInfoDouble(symbol,SYMBOL_TRADE_TICK_SIZE);
   terms.tick_value=SymbolInfoDouble(symbol,SYMBOL_TRADE_TICK_VALUE);
   terms.stop_level=(int)SymbolInfoInteger(symbol,SYMBOL_TRADE_STOPS_LEVEL);
   terms.freeze_level=(int)SymbolInfoInteger(symbol,SYMBOL_TRADE_FREEZE_LEVEL);
   terms.quote_currency=SymbolInfoString(symbol,SYMBOL_CURRENCY_PROFIT);
   long calculation=SymbolInfoInteger(symbol,SYMBOL_TRADE_CALC_MODE);
   terms.calculation="futures";
   if(calculation==SYMBOL_CALC_MODE_FOREX || calculation==SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE)
      terms.calculation="forex";
   else if(calculation==SYMBOL_CALC_MODE_CFD || calculation==SYMBOL_CALC_MODE_CFDINDEX || calculation==SYMBOL_CALC_MODE_CFDLEVERAGE)
      terms.calculation="cfd";
   terms.mode=(SymbolInfoInteger(symbol,SYMBOL_TRADE_MODE)==SYMBOL_TRADE_MODE_FULL) ? "full" : "disabled";
   return(terms.lots_min>0 && terms.lots_step>0 && terms.lots_max>0 && terms.contract>0);
  }
//--- no price is no fact: zero says that the terminal has none, perhaps because the symbol is hidden
bool CBroker5::Quote(const string symbol,double &bid,double &ask)
  {
   if(SymbolInfoDouble(symbol,SYMBOL_BID)<=0)
      SymbolSelect(symbol,true);
   bid=SymbolInfoDouble(symbol,SYMBOL_BID);
   ask=SymbolInfoDouble(symbol,SYMBOL_ASK);
   return(bid>0 && ask>0);
  }
double CBroker5::PointOf(const string symbol)
  {
   for(int i=0; i<m_known; i++)
      if(m_symbols[i]==symbol)
         return(m_points[i]);
   double point=SymbolInfoDouble(symbol,SYMBOL_POINT);
   if(point<=0)
      return(0);
   ArrayResize(m_symbols,m_known+1,64);
   ArrayResize(m_points,m_known+1,64);
   m_symbols[m_known]=symbol;
   m_points[m_known]=point;
   m_known++;
   return(point);
  }
//--- how many there are; -1: one could not be read
int CBroker5::Positions(SRow &rows[],int &count)
  {
   int total=PositionsTotal();
   ArrayResize(rows,count+total);
   for(int i=0; i<total; i++)
     {
      if(PositionGetTicket(i)==0)
         return(-1);
      SRow row={};
      row.ticket=PositionGetInteger(POSITION_IDENTIFIER);
      row.closer=row.ticket;
      row.type=(PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY) ? 0 : 1;
      row.symbol=PositionGetString(POSITION_SYMBOL);
      row.lots=PositionGetDouble(POSITION_VOLUME);
      row.left=row.lots;
      row.price=PositionGetDouble(POSITION_PRICE_OPEN);
      row.opened=(datetime)PositionGetInteger(POSITION_TIME);
      row.sl=PositionGetDouble(POSITION_SL);
      row.tp=PositionGetDouble(POSITION_TP);
      row.magic=PositionGetInteger(POSITION_MAGIC);
      row.comment=PositionGetString(POSITION_COMMENT);
      rows[count]=row;
      count++;
     }
   return(total);
  }
//--- Orders that wait for a price. One that waits for a stop and then for a limit has no word in the protocol: it is told
//--- when it is a position. Market orders on their way are no pending ones, and one that has filled in part is a position.
int CBroker5::Pending(SRow &rows[],int &count)
  {
   int total=OrdersTotal();
   ArrayResize(rows,count+total);
   for(int i=0; i<total; i++)
     {
      ulong ticket=OrderGetTicket(i);
      if(ticket==0)
         return(-1);
      int type=(int)OrderGetInteger(ORDER_TYPE);
      if(!IsWorkingType(type) || OrderGetInteger(ORDER_STATE)==ORDER_STATE_PARTIAL)
         continue;
      SRow row={};
      row.ticket=(long)ticket;
      row.type=type;
      row.symbol=OrderGetString(ORDER_SYMBOL);
      row.lots=OrderGetDouble(ORDER_VOLUME_CURRENT);
      row.price=OrderGetDouble(ORDER_PRICE_OPEN);
      row.opened=(datetime)OrderGetInteger(ORDER_TIME_SETUP);
      row.sl=OrderGetDouble(ORDER_SL);
      row.tp=OrderGetDouble(ORDER_TP);
      row.expiry=(datetime)OrderGetInteger(ORDER_TIME_EXPIRATION);
      row.magic=OrderGetInteger(ORDER_MAGIC);
      row.comment=OrderGetString(ORDER_COMMENT);
      rows[count]=row;
      count++;
     }
   ArrayResize(rows,count);
   return(total);
  }
//--- Orders first: one that fills meanwhile is seen twice, not never. A list that moves, a row that stands there twice: the
//--- look is void.
bool CBroker5::Trades(SRow &rows[])
  {
   int count=0;
   ArrayResize(rows,0);
   int orders=Pending(rows,count);
   int positions=Positions(rows,count);
   if(orders<0 || positions<0)
      return(false);
   for(int k=0; k<count; k++)
     {
      rows[k].point=PointOf(rows[k].symbol);
      for(int j=0; j<k; j++)
         if(rows[j].ticket==rows[k].ticket)
            return(false);
     }
   return(OrdersTotal()==orders && PositionsTotal()==positions);
  }
//--- the position with this identifier, whatever its ticket is by now
bool CBroker5::Select(const long identifier) const
  {
   int total=PositionsTotal();
   for(int i=0; i<total; i++)
      if(PositionGetTicket(i)!=0 && PositionGetInteger(POSITION_IDENTIFIER)==identifier)
         return(true);
   return(false);
  }
//--- What a closing has booked, or, of what was never closed, the position as it is
bool CBroker5::Money(const long ticket,SRow &row,SMoney &money)
  {
   if(row.type==BALANCE_TYPE || row.type==CREDIT_TYPE)
      return(CDeals::Booked(ticket,row,money));
   long closer=(row.closed>0) ? row.closer : 0;
   if(m_deals.Closing(ticket,closer,row,money))
     {
      row.point=PointOf(row.symbol);
      return(true);
     }
   if(!Select(ticket))
      return(false);
   row.ticket=ticket;
   row.type=(PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY) ? 0 : 1;
   row.symbol=PositionGetString(POSITION_SYMBOL);
   row.lots=PositionGetDouble(POSITION_VOLUME);
   row.price=PositionGetDouble(POSITION_PRICE_OPEN);
   row.opened=(datetime)PositionGetInteger(POSITION_TIME);
   row.closed=0;
   row.sl=PositionGetDouble(POSITION_SL);
   row.tp=PositionGetDouble(POSITION_TP);
   row.point=PointOf(row.symbol);
   money.profit=PositionGetDouble(POSITION_PROFIT);
   money.swap=PositionGetDouble(POSITION_SWAP);
   money.commission=0;
   return(true);
  }
//--- how this symbol's orders may be filled: what is not filled at once is left out, else all or nothing
ENUM_ORDER_TYPE_FILLING CBroker5::Filling(const string symbol) const
  {
   long allowed=SymbolInfoInteger(symbol,SYMBOL_FILLING_MODE);
   if((allowed&SYMBOL_FILLING_FOK)!=0)
      return(ORDER_FILLING_FOK);
   if((allowed&SYMBOL_FILLING_IOC)!=0)
      return(ORDER_FILLING_IOC);
   return(ORDER_FILLING_RETURN);
  }
//--- a request that failed without a number is one of which nothing is known
int CBroker5::Request(MqlTradeRequest &request,MqlTradeResult &result)
  {
   ResetLastError();
   bool sent=OrderSend(request,result);
   int error=ErrorOf(result.retcode,request.action==TRADE_ACTION_DEAL);
   return((error==0 && !sent) ? 1 : error);
  }
int CBroker5::Send(SOrder &order)
  {
   MqlTradeRequest request={};
   MqlTradeResult result={};
   bool pending=IsWorkingType(order.type);
   request.action=pending ? TRADE_ACTION_PENDING : TRADE_ACTION_DEAL;
   request.symbol=order.symbol;
   request.type=(ENUM_ORDER_TYPE)order.type;
   request.volume=order.lots;
   request.price=order.price;
   request.sl=order.sl;
   request.tp=order.tp;
   request.deviation=(ulong)MathMax(0,order.slippage);
   request.comment=order.comment;
   request.magic=(ulong)order.magic;
   request.type_filling=pending ? ORDER_FILLING_RETURN : Filling(order.symbol);
   request.type_time=(pending && order.expiry>0) ? ORDER_TIME_SPECIFIED : ORDER_TIME_GTC;
   request.expiration=pending ? order.expiry : 0;
   int error=Request(request,result);
   order.ticket=(long)result.order;
   return((error==0 && order.ticket<=0) ? 1 : error);
  }
int CBroker5::Close(const long ticket,const double lots,const double price,const int slippage)
  {
   MqlTradeRequest request={};
   MqlTradeResult result={};
   m_closed_as=0;
   m_closed_lots=0;
   if(!Select(ticket))
      return(4108);
   request.action=TRADE_ACTION_DEAL;
   request.position=(ulong)PositionGetInteger(POSITION_TICKET);
   request.symbol=PositionGetString(POSITION_SYMBOL);
   request.type=(PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY) ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
   request.magic=(ulong)PositionGetInteger(POSITION_MAGIC);
   request.volume=lots;
   request.price=price;
   request.deviation=(ulong)MathMax(0,slippage);
   request.type_filling=Filling(request.symbol);
   int error=Request(request,result);
   if(result.retcode==TRADE_RETCODE_DONE_PARTIAL)
      m_closed_lots=result.volume;
   if(error==0)
      m_closed_as=(long)(result.order>0 ? result.order : result.deal);
   return(error);
  }
int CBroker5::Modify(const long ticket,const double price,const double sl,const double tp,const datetime expiry)
  {
   MqlTradeRequest request={};
   MqlTradeResult result={};
   request.sl=sl;
   request.tp=tp;
   if(Select(ticket))
     {
      request.action=TRADE_ACTION_SLTP;
      request.position=(ulong)PositionGetInteger(POSITION_TICKET);
      request.symbol=PositionGetString(POSITION_SYMBOL);
     }
   else
     {
      request.action=TRADE_ACTION_MODIFY;
      request.order=(ulong)ticket;
      request.price=price;
      request.type_time=(expiry>0) ? ORDER_TIME_SPECIFIED : ORDER_TIME_GTC;
      request.expiration=expiry;
     }
   return(Request(request,result));
  }
int CBroker5::Delete(const long ticket)
  {
   MqlTradeRequest request={};
   MqlTradeResult result={};
   request.action=TRADE_ACTION_REMOVE;
   request.order=(ulong)ticket;
   return(Request(request,result));
  }
#endif
