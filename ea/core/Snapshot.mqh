//+------------------------------------------------------------------+
//| Snapshot.mqh: the whole book as a report, in parts that fit a    |
//| frame. Shared by MQL4 and MQL5.                                  |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_SNAPSHOT
#define EAG_SNAPSHOT
#include "Facts.mqh"

class CSnapshot
  {
private:
   SRow              m_rows[];
   string            m_hash;

   void              Sort(void);
   static int        Size(const string text);
   string            Position(const SRow &row) const;
   string            Order(const SRow &row,CBrokerClock *times) const;
   string            Quotes(CBroker *broker) const;
   string            Head(CBroker *broker,const string request,const long applied,const datetime history_from) const;

public:
   string            parts[];

                     CSnapshot(void) { m_hash=""; }
   string            Hash(void) const { return(m_hash); }
   void              Take(const SRow &rows[]);
   int               Write(CBroker *broker,CBrokerClock *times,const string request,const string digest,const long applied,
                           const datetime history_from,const bool same);
   static string     Blind(const string request);
  };
//--- the rows by ticket, and a name for their content
void CSnapshot::Take(const SRow &rows[])
  {
   int count=ArraySize(rows);
   ArrayResize(m_rows,count);
   bool falling=(count>1 && rows[0].ticket>rows[count-1].ticket);  // as a terminal lists them
   for(int i=0; i<count; i++)
      m_rows[falling ? count-1-i : i]=rows[i];
   Sort();
   ulong sum=FnvStart();
   uchar bytes[];
   for(int k=0; k<count; k++)
     {
      int size=TextToBytes(Position(m_rows[k])+IntegerToString(m_rows[k].type)+IntegerToString((long)m_rows[k].expiry)+"\n",bytes);
      sum=Fnv64(bytes,size,sum);
     }
   m_hash=HexText(sum,16);
  }
void CSnapshot::Sort(void)
  {
   for(int i=1; i<ArraySize(m_rows); i++)
     {
      SRow row=m_rows[i];
      int k=i-1;
      while(k>=0 && m_rows[k].ticket>row.ticket)
        {
         m_rows[k+1]=m_rows[k];
         k--;
        }
      m_rows[k+1]=row;
     }
  }
//--- `same`: the content is known, only the prices are told. A part takes as many rows as its frame has room for: bytes are
//--- counted, for a symbol may have letters of several. The number of parts.
int CSnapshot::Write(CBroker *broker,CBrokerClock *times,const string request,const string digest,const long applied,
                     const datetime history_from,const bool same)
  {
   int count=same ? 0 : ArraySize(m_rows);
   string head=Head(broker,request,applied,history_from);
   string quotes=",\"quotes\":["+Quotes(broker)+"]";
   string positions[],orders[];
   int room=BOOK_BYTES-Size(head)-Size(quotes)-StringLen(digest);
   int of=0,left=0;
   for(int i=0; i<count || of==0; i++)
     {
      bool works=(i<count && IsWorkingType(m_rows[i].type));
      string row=(i>=count) ? "" : works ? Order(m_rows[i],times) : Position(m_rows[i]);
      int size=Size(row)+1;
      if(of==0 || size>left)
        {
         of++;
         ArrayResize(positions,of,32);
         ArrayResize(orders,of,32);
         positions[of-1]="";
         orders[of-1]="";
         left=(of==1) ? room : BOOK_BYTES-Size(head)-StringLen(digest);
        }
      left-=size;
      if(works)
         orders[of-1]+=(orders[of-1]=="" ? "" : ",")+row;
      else
         positions[of-1]+=(positions[of-1]=="" ? "" : ",")+row;
     }
   ArrayResize(parts,of);
   for(int n=0; n<of; n++)
     {
      string text=head;
      if(of>1)
         text+=",\"n\":"+IntegerToString(n+1)+",\"of\":"+IntegerToString(of)+",\"digest\":\""+digest+"\"";
      if(same)
         text+=",\"same\":true";
      else
         text+=",\"positions\":["+positions[n]+"],\"working_orders\":["+orders[n]+"]";
      parts[n]=text+(n==0 ? quotes : "");
     }
   return(of);
  }
int CSnapshot::Size(const string text)
  {
   uchar bytes[];
   return(TextToBytes(text,bytes));
  }
//--- open: its end comes with the age, at each sending
string CSnapshot::Head(CBroker *broker,const string request,const long applied,const datetime history_from) const
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("phase","report");
   if(request!="")
      json.Text("request_id",request);
   json.Text("hash",m_hash);
   json.Integer("applied_server_seq",applied);
   if(history_from>0)
      json.Text("history_from",BrokerTime(history_from));
   PutNumber(json,"balance",broker.Balance());
   PutNumber(json,"equity",broker.Equity());
   return(json.Result());
  }
//--- no broker: an empty book would mean nothing
string CSnapshot::Blind(const string request)
  {
   CJsonWriter json;
   json.Open("","{");
   json.Text("phase","report");
   if(request!="")
      json.Text("request_id",request);
   json.Boolean("connected",false);
   return(json.Result());
  }
string CSnapshot::Position(const SRow &row) const
  {
   CJsonWriter json;
   json.Open("","{");
   json.Integer("ticket",row.ticket);
   json.Text("symbol",row.symbol);
   json.Text("side",SideOf(row.type));
   PutNumber(json,"lots",row.lots);
   PutNumber(json,"price",row.price);
   PutNumber(json,"sl",row.sl);
   PutNumber(json,"tp",row.tp);
   json.Integer("magic",row.magic);
   long parent=TicketInComment(row.comment,"from #");
   if(parent>0)
      json.Integer("parent_ticket",parent);
   json.Close("}");
   return(json.Result());
  }
string CSnapshot::Order(const SRow &row,CBrokerClock *times) const
  {
   CJsonWriter json;
   json.Open("","{");
   json.Integer("ticket",row.ticket);
   json.Text("symbol",row.symbol);
   json.Text("side",SideOf(row.type));
   json.Text("order_type",OrderTypeOf(row.type));
   PutNumber(json,"lots",row.lots);
   PutNumber(json,"price",row.price);
   PutNumber(json,"sl",row.sl);
   PutNumber(json,"tp",row.tp);
   string expiry=times.Utc(row.expiry);
   if(expiry!="")
      json.Text("expiry",expiry);
   json.Integer("magic",row.magic);
   json.Close("}");
   return(json.Result());
  }
//--- the market of the symbols held, as far as it fits
string CSnapshot::Quotes(CBroker *broker) const
  {
   string text="",known=",";
   for(int i=0; i<ArraySize(m_rows) && StringLen(text)<2000; i++)
     {
      double bid=0,ask=0;
      if(StringFind(known,","+m_rows[i].symbol+",")>=0 || !broker.Quote(m_rows[i].symbol,bid,ask))
         continue;
      known+=m_rows[i].symbol+",";
      CJsonWriter json;
      json.Open("","{");
      json.Text("symbol",m_rows[i].symbol);
      PutNumber(json,"bid",bid);
      PutNumber(json,"ask",ask);
      json.Close("}");
      text+=(text=="" ? "" : ",")+json.Result();
     }
   return(text);
  }
#endif
