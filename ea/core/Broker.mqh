//+------------------------------------------------------------------+
//| Broker.mqh: what a terminal can be asked and told. Broker4 and   |
//| Broker5 answer the same rows and the same numbers of errors.     |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_BROKER
#define EAG_BROKER
#include "Lineage.mqh"

//--- One symbol's terms; `mode` "full" or "disabled".
struct STerms
  {
   string            name;
   int               digits;
   double            point;
   double            contract;
   double            lots_min;
   double            lots_step;
   double            lots_max;
   double            tick_size;
   double            tick_value;
   int               stop_level;
   int               freeze_level;
   string            quote_currency;
   string            calculation;
   string            mode;
  };
//--- What a closed order booked.
struct SMoney
  {
   double            profit;
   double            swap;
   double            commission;
  };
//--- An order to be sent. `ticket`: of the new order.
struct SOrder
  {
   string            symbol;
   int               type;
   double            lots;
   double            price;
   int               slippage;
   double            sl;
   double            tp;
   string            comment;
   long              magic;
   datetime          expiry;
   long              ticket;
  };

class CBroker
  {
public:
   virtual          ~CBroker(void) { }
   //--- account and terminal
   virtual string    Platform(void) { return(""); }
   virtual long      Login(void) { return(0); }
   virtual string    Server(void) { return(""); }
   virtual string    Company(void) { return(""); }
   virtual string    Currency(void) { return(""); }
   virtual int       Leverage(void) { return(0); }
   virtual int       Build(void) { return(0); }
   virtual double    Balance(void) { return(0); }
   virtual double    Equity(void) { return(0); }
   virtual double    Margin(void) { return(0); }
   virtual double    FreeMargin(void) { return(0); }
   virtual bool      Connected(void) { return(false); }
   virtual bool      TradeAllowed(void) { return(false); }
   virtual bool      DllAllowed(void) { return(false); }
   virtual bool      Busy(void) { return(false); }
   virtual bool      Testing(void) { return(false); }
   //--- false: it nets its positions, and cannot be copied from or to
   virtual bool      Hedging(void) { return(true); }
   virtual bool      Fifo(void) { return(false); }
   //--- market
   virtual int       Symbols(void) { return(0); }
   virtual string    SymbolAt(const int place) { return(""); }
   virtual bool      Terms(const string symbol,STerms &terms) { return(false); }
   virtual bool      Quote(const string symbol,double &bid,double &ask) { return(false); }
   //--- the book: false means that this look says nothing
   virtual bool      Trades(SRow &rows[]) { return(false); }
   virtual bool      History(SRow &rows[]) { return(false); }
   //--- another number when there are other rows
   virtual int       HistoryCount(void) { return(0); }
   //--- by ticket; where `row` names the order that closed it, that closing, else the newest
   virtual bool      Money(const long ticket,SRow &row,SMoney &money) { return(false); }
   //--- orders: 0 or the terminal's error
   virtual int       Send(SOrder &order) { return(2); }
   virtual int       Close(const long ticket,const double lots,const double price,const int slippage) { return(2); }
   //--- how many lots the last closing closed, of which so many were asked for
   virtual double    ClosedLots(const double lots) { return(lots); }
   //--- how the history names the last closing
   virtual long      ClosedAs(const long ticket) { return(ticket); }
   virtual int       Modify(const long ticket,const double price,const double sl,const double tp,const datetime expiry) { return(2); }
   virtual int       Delete(const long ticket) { return(2); }
  };
#endif
