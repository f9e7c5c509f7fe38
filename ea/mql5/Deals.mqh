//+------------------------------------------------------------------+
//| Deals.mqh: the history of a MetaTrader 5 as rows: one for each   |
//| order that closed a position or a part of it, for each pending   |
//| order that ended, and for money that came or went.               |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_DEALS
#define EAG_DEALS
#include "../core/Broker.mqh"

#define DEALS_RECENT 259200
#define NAMES        1000000007
#define NAME_STEP    1000003

//--- A position while the deals are read: what came in, what has gone out.
struct SDealt
  {
   SRow              row;
   double            lots_in;
   double            lots_out;
   double            paid;
  };

class CDeals
  {
private:
   SDealt            m_open[];
   int               m_count;

   int               Find(const long position) const;
   void              In(const ulong deal,const double lots,const double paid);
   void              Out(const ulong deal,const double lots,SRow &rows[],SMoney &money[],int &count);
   void              Trade(const ulong deal,SRow &rows[],SMoney &money[],int &count);
   static string     Mark(const ulong deal);
   static bool       IsMoney(const ulong deal);
   static void       MoneyRow(const ulong deal,SRow &row);
   static double     Cents(const double amount) { return(NormalizeDouble(amount,2)); }
   void              Orders(SRow &rows[],int &count) const;
   int               Read(SRow &rows[],SMoney &money[],int &count);

public:
                     CDeals(void) { m_count=0; }
   bool              All(SRow &rows[]);
   bool              Closing(const long position,const long closer,SRow &row,SMoney &money);
   static bool       Booked(const long deal,SRow &row,SMoney &money);
   static int        Name(void);
  };
int CDeals::Find(const long position) const
  {
   for(int i=m_count-1; i>=0; i--)
      if(m_open[i].row.ticket==position)
         return(i);
   return(-1);
  }
bool CDeals::IsMoney(const ulong deal)
  {
   long type=HistoryDealGetInteger(deal,DEAL_TYPE);
   return(type!=DEAL_TYPE_BUY && type!=DEAL_TYPE_SELL);
  }
//--- what opened a position, or added to it, and what was paid for that
void CDeals::In(const ulong deal,const double lots,const double paid)
  {
   long position=HistoryDealGetInteger(deal,DEAL_POSITION_ID);
   int at=Find(position);
   if(at<0)
     {
      ArrayResize(m_open,m_count+1,256);
      at=m_count;
      m_count++;
      SRow row={};
      row.ticket=position;
      row.type=(HistoryDealGetInteger(deal,DEAL_TYPE)==DEAL_TYPE_BUY) ? 0 : 1;
      row.symbol=HistoryDealGetString(deal,DEAL_SYMBOL);
      row.price=HistoryDealGetDouble(deal,DEAL_PRICE);
      row.opened=(datetime)HistoryDealGetInteger(deal,DEAL_TIME);
      row.magic=HistoryDealGetInteger(deal,DEAL_MAGIC);
      row.comment=HistoryDealGetString(deal,DEAL_COMMENT);
      m_open[at].row=row;
      m_open[at].lots_in=0;
      m_open[at].lots_out=0;
      m_open[at].paid=0;
     }
   m_open[at].lots_in+=lots;
   m_open[at].paid+=paid;
  }
//--- MetaTrader 4's marks, by which the core knows why it was closed
string CDeals::Mark(const ulong deal)
  {
   if(HistoryDealGetInteger(deal,DEAL_ENTRY)==DEAL_ENTRY_OUT_BY)
      return("close hedge by #");
   long reason=HistoryDealGetInteger(deal,DEAL_REASON);
   if(reason==DEAL_REASON_SL)
      return("[sl]");
   if(reason==DEAL_REASON_TP)
      return("[tp]");
   return(reason==DEAL_REASON_SO ? "so: stop out" : "");
  }
//--- What closed a position or a part of it. Deals of one order are one closing. What was paid when it was opened is
//--- booked part by part; the last part takes the cents that are left.
void CDeals::Out(const ulong deal,const double lots,SRow &rows[],SMoney &money[],int &count)
  {
   long position=HistoryDealGetInteger(deal,DEAL_POSITION_ID);
   long order=HistoryDealGetInteger(deal,DEAL_ORDER);
   int at=Find(position);
   if(at<0)
      return;  // its beginning is not in the history: nobody could say what is left of it
   bool more=(count>0 && rows[count-1].ticket==position && rows[count-1].closer==order);
   if(!more)
     {
      ArrayResize(rows,count+1,256);
      ArrayResize(money,count+1,256);
      rows[count]=m_open[at].row;
      rows[count].lots=0;
      rows[count].close_price=0;
      money[count].profit=0;
      money[count].swap=0;
      money[count].commission=0;
      count++;
     }
   int last=count-1;
   double whole=m_open[at].lots_in,gone=m_open[at].lots_out,paid=m_open[at].paid;
   double total=rows[last].lots+lots;
   if(total>0)
      rows[last].close_price=(rows[last].close_price*rows[last].lots+HistoryDealGetDouble(deal,DEAL_PRICE)*lots)/total;
   rows[last].lots=NormalizeDouble(total,8);
   rows[last].left=NormalizeDouble(MathMax(0.0,whole-gone-lots),8);
   rows[last].symbol=HistoryDealGetString(deal,DEAL_SYMBOL);
   rows[last].closed=(datetime)HistoryDealGetInteger(deal,DEAL_TIME);
   rows[last].closer=(order>0) ? order : (long)deal;
   rows[last].sl=HistoryDealGetDouble(deal,DEAL_SL);
   rows[last].tp=HistoryDealGetDouble(deal,DEAL_TP);
   rows[last].comment=m_open[at].row.comment+Mark(deal);
   money[last].profit+=HistoryDealGetDouble(deal,DEAL_PROFIT);
   money[last].swap+=HistoryDealGetDouble(deal,DEAL_SWAP);
   money[last].commission+=HistoryDealGetDouble(deal,DEAL_COMMISSION)+HistoryDealGetDouble(deal,DEAL_FEE);
   if(whole>0)
      money[last].commission+=Cents(paid*MathMin(whole,gone+lots)/whole)-Cents(paid*gone/whole);
   m_open[at].lots_out=gone+lots;
   if(m_open[at].lots_out>=whole-LOTS_DUST)
     {
      m_count--;
      m_open[at]=m_open[m_count];
     }
  }
void CDeals::MoneyRow(const ulong deal,SRow &row)
  {
   long type=HistoryDealGetInteger(deal,DEAL_TYPE);
   SRow made={};
   row=made;
   row.ticket=(long)deal;
   row.closer=(long)deal;
   row.type=(type==DEAL_TYPE_CREDIT || type==DEAL_TYPE_BONUS) ? CREDIT_TYPE : BALANCE_TYPE;
   row.symbol="";
   row.opened=(datetime)HistoryDealGetInteger(deal,DEAL_TIME);
   row.closed=row.opened;
   row.comment=HistoryDealGetString(deal,DEAL_COMMENT);
  }
//--- what is selected, in its order; the number of deals
int CDeals::Read(SRow &rows[],SMoney &money[],int &count)
  {
   int total=HistoryDealsTotal();
   m_count=0;
   for(int i=0; i<total; i++)
     {
      ulong deal=HistoryDealGetTicket(i);
      if(deal==0)
         return(-1);
      if(IsMoney(deal))
        {
         ArrayResize(rows,count+1,256);
         ArrayResize(money,count+1,256);
         MoneyRow(deal,rows[count]);
         count++;
         continue;
        }
      Trade(deal,rows,money,count);
     }
   return(total);
  }
//--- One that turns a position round ends it and begins another one under its number. Only accounts that net have such, and
//--- those that have netted before: what is beyond the position's lots was not closed.
void CDeals::Trade(const ulong deal,SRow &rows[],SMoney &money[],int &count)
  {
   long entry=HistoryDealGetInteger(deal,DEAL_ENTRY);
   double lots=HistoryDealGetDouble(deal,DEAL_VOLUME);
   if(entry==DEAL_ENTRY_IN)
     {
      In(deal,lots,HistoryDealGetDouble(deal,DEAL_COMMISSION)+HistoryDealGetDouble(deal,DEAL_FEE));
      return;
     }
   int at=(entry==DEAL_ENTRY_INOUT) ? Find(HistoryDealGetInteger(deal,DEAL_POSITION_ID)) : -1;
   double closed=(at<0) ? lots : MathMin(lots,m_open[at].lots_in-m_open[at].lots_out);
   Out(deal,closed,rows,money,count);
   if(lots-closed>LOTS_DUST)
      In(deal,NormalizeDouble(lots-closed,8),0);
  }
//--- pending orders that were deleted or have expired
void CDeals::Orders(SRow &rows[],int &count) const
  {
   int total=HistoryOrdersTotal();
   for(int i=0; i<total; i++)
     {
      ulong order=HistoryOrderGetTicket(i);
      long state=HistoryOrderGetInteger(order,ORDER_STATE);
      int type=(int)HistoryOrderGetInteger(order,ORDER_TYPE);
      if(!IsWorkingType(type) || (state!=ORDER_STATE_CANCELED && state!=ORDER_STATE_EXPIRED))
         continue;
      ArrayResize(rows,count+1,256);
      SRow row={};
      row.ticket=(long)order;
      row.type=type;
      row.symbol=HistoryOrderGetString(order,ORDER_SYMBOL);
      row.lots=HistoryOrderGetDouble(order,ORDER_VOLUME_CURRENT);
      row.price=HistoryOrderGetDouble(order,ORDER_PRICE_OPEN);
      row.opened=(datetime)HistoryOrderGetInteger(order,ORDER_TIME_SETUP);
      row.sl=HistoryOrderGetDouble(order,ORDER_SL);
      row.tp=HistoryOrderGetDouble(order,ORDER_TP);
      row.expiry=(datetime)HistoryOrderGetInteger(order,ORDER_TIME_EXPIRATION);
      row.closed=(datetime)HistoryOrderGetInteger(order,ORDER_TIME_DONE);
      row.magic=HistoryOrderGetInteger(order,ORDER_MAGIC);
      row.comment=HistoryOrderGetString(order,ORDER_COMMENT)+(state==ORDER_STATE_EXPIRED ? " expiration" : "");
      rows[count]=row;
      count++;
     }
  }
//--- All that has ended. False: the history could not be read.
bool CDeals::All(SRow &rows[])
  {
   SMoney money[];
   int count=0;
   ArrayResize(rows,0,256);
   if(!HistorySelect(0,TimeCurrent()+86400) || Read(rows,money,count)<0)
      return(false);
   Orders(rows,count);
   return(true);
  }
//--- One closing of a position: by this order, or the newest for 0
bool CDeals::Closing(const long position,const long closer,SRow &row,SMoney &money)
  {
   SRow rows[];
   SMoney booked[];
   int count=0;
   if(!HistorySelectByPosition(position) || Read(rows,booked,count)<0)
      return(false);
   for(int i=count-1; i>=0; i--)
      if(closer==0 || rows[i].closer==closer)
        {
         row=rows[i];
         money=booked[i];
         return(true);
        }
   return(false);
  }
bool CDeals::Booked(const long deal,SRow &row,SMoney &money)
  {
   if(!HistoryDealSelect((ulong)deal) || !IsMoney((ulong)deal))
      return(false);
   MoneyRow((ulong)deal,row);
   money.profit=HistoryDealGetDouble((ulong)deal,DEAL_PROFIT);
   money.swap=0;
   money.commission=0;
   return(true);
  }
//--- Another number when something has ended, also when others leave the last days with it. Only the last days are looked at:
//--- the whole history is read when it changes.
int CDeals::Name(void)
  {
   datetime now=TimeCurrent();
   HistorySelect((datetime)((long)now-DEALS_RECENT),now+86400);
   int deals=HistoryDealsTotal(),orders=HistoryOrdersTotal();
   long name=(deals>0) ? (long)HistoryDealGetTicket(deals-1) : 0;
   long order=(orders>0) ? (long)HistoryOrderGetTicket(orders-1) : 0;
   name=(name%NAMES*NAME_STEP+order)%NAMES;
   name=(name*NAME_STEP+deals)%NAMES;
   return((int)((name*NAME_STEP+orders)%NAMES));
  }
#endif
