//--- What the EA's own work costs: a book in its memory, no simulator, no network.
//--- in.txt: "parts ROWS SYMBOL" tells a book and writes its parts; "passes COUNT ORDERS HISTORY CHANGE" looks that often at a
//--- book of which an order moves its stop every CHANGE looks, and prints microseconds.
#property strict
#include <Snapshot.mqh>
#include <Watcher.mqh>

class CBookBroker : public CBroker
  {
public:
   SRow              living[];
   SRow              closed[];

   virtual double    Balance(void) { return(10000); }
   virtual double    Equity(void) { return(9990.5); }
   virtual bool      Connected(void) { return(true); }
   virtual bool      TradeAllowed(void) { return(true); }
   virtual bool      Quote(const string symbol,double &bid,double &ask) { bid=1.08514; ask=1.08526; return(true); }
   virtual bool      Trades(SRow &rows[]) { return(Copy(living,rows)); }
   virtual bool      History(SRow &rows[]) { return(Copy(closed,rows)); }
   virtual int       HistoryCount(void) { return(ArraySize(closed)); }
   static bool       Copy(const SRow &from[],SRow &rows[]);
   static void       Fill(SRow &rows[],const int count,const long first,const string symbol,const bool over);
  };
bool CBookBroker::Copy(const SRow &from[],SRow &rows[])
  {
   int count=ArraySize(from);
   ArrayResize(rows,count);
   for(int i=0; i<count; i++)
      rows[i]=from[i];
   return(true);
  }
void CBookBroker::Fill(SRow &rows[],const int count,const long first,const string symbol,const bool over)
  {
   ArrayResize(rows,count);
   for(int i=0; i<count; i++)
     {
      rows[i].ticket=first+i;
      rows[i].type=i%2;
      rows[i].symbol=symbol;
      rows[i].lots=0.1+0.01*(i%90);
      rows[i].price=1.08514+0.00001*(i%500);
      rows[i].opened=(datetime)(1790000000+i);
      rows[i].sl=1.07514;
      rows[i].tp=1.10514;
      rows[i].expiry=0;
      rows[i].closed=over ? (datetime)(1790001000+i) : 0;
      rows[i].close_price=1.08;
      rows[i].magic=(i%3==0) ? COPY_MAGIC+1+i : 0;
      rows[i].comment="";
      rows[i].position=0;
      rows[i].point=0.00001;
     }
  }
void Parts(const int count,const string symbol)
  {
   CBookBroker broker;
   CBrokerClock times;
   CSnapshot book;
   CBookBroker::Fill(broker.living,count,812345678,symbol,false);
   book.Take(broker.living);
   int of=book.Write(GetPointer(broker),GetPointer(times),"0197b0a4-7c1e-7f00-8a3c-1d2e3f405060","0197b0a4-7c1e-7f00-8a3c-1d2e3f405061",17,0,false);
   int out=FileOpen("parts.txt",FILE_BIN|FILE_WRITE);
   for(int i=0; i<of; i++)
     {
      uchar bytes[];
      int size=TextToBytes(book.parts[i]+",\"age_ms\":12345}\n",bytes);
      FileWriteArray(out,bytes,0,size);
     }
   FileClose(out);
   Print("parts ",of);
  }
void Passes(const int count,const int orders,const int history,const int change)
  {
   CBookBroker broker;
   CBrokerClock times;
   CClock clock;
   CRandom random;
   CStore store;
   CWatcher watcher;
   CBookBroker::Fill(broker.living,orders,900000000,"EURUSD",false);
   CBookBroker::Fill(broker.closed,history,800000000,"EURUSD",true);
   Print("open ",store.Open("bars",GetPointer(clock)));
   store.Write("I","pc\t/data");
   store.Write("N","s1 1");
   watcher.Begin(GetPointer(store),GetPointer(broker),GetPointer(clock),GetPointer(random),GetPointer(times));
   double took[];
   int kept=MathMin(count,100000);
   ArrayResize(took,kept);
   for(int i=0; i<count; i++)
     {
      if(change>0 && i%change==change-1)
         broker.living[i%orders].sl+=0.001;
      ulong began=GetMicrosecondCount();
      watcher.Scan(true);
      took[i%kept]=(double)(GetMicrosecondCount()-began);
      if(store.outbox.Count()>0)
         store.Write("A",IntegerToString(store.outbox.Top()));
      if(store.Size()>JOURNAL_BYTES)
         store.Compact();
      if(count>10 && i%(count/10)==0)
         Print("pass ",i);
     }
   ArraySort(took);
   Print("microseconds ",took[kept/2]," ",took[(int)(kept*0.99)]," ",took[kept-1]);
   store.Close();
  }
void OnStart()
  {
   int in=FileOpen("in.txt",FILE_TXT|FILE_READ|FILE_SHARE_READ,'\t',CP_UTF8);
   string words[];
   StringSplit(FileReadString(in),' ',words);
   FileClose(in);
   if(words[0]=="parts")
      Parts((int)StringToInteger(words[1]),words[2]);
   else
      Passes((int)StringToInteger(words[1]),(int)StringToInteger(words[2]),(int)StringToInteger(words[3]),(int)StringToInteger(words[4]));
  }
