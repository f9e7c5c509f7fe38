//--- One of each thing that MQL has and C++ says in another way.
#property strict
#define GREETING "c"
input group "Of trading"
input double Lots=0.1;
input string Fault="";
enum EColour { RED_ONE, BLUE_TWO=7 };
struct SRowOfThree
  {
   int               number;
   double            list[3];
   string            text;
  };
class CBase
  {
public:
                    ~CBase(void) { }
   virtual string    Name(const int value=4) { return("base "+IntegerToString(value)); }
  };
class CKid : public CBase
  {
private:
   SRowOfThree       m_rows[];
   CBase            *m_next;
public:
                     CKid(void) { m_next=NULL; }
   virtual string    Name(const int value=4) { return("kid virtual "+IntegerToString(value)); }
   void              Add(const SRowOfThree &row);
   double            Sum(void) const;
   CBase            *Next(void) { return(m_next); }
   void              Link(CBase *next) { m_next=next; }
  };
void CKid::Add(const SRowOfThree &row)
  {
   int n=ArraySize(m_rows);
   ArrayResize(m_rows,n+1);
   m_rows[n]=row;
  }
double CKid::Sum(void) const
  {
   double sum=0;
   for(int i=0; i<ArraySize(m_rows); i++)
      sum+=m_rows[i].list[1];
   return(sum);
  }
double g_table[3][2];
int g_list[]={1,2,3};
void OnStart()
  {
   Break();
   Print(Later()," ",Later(3));
   Print((int)RED_ONE+2," ",EnumToString(RED_ONE)," ",(int)BLUE_TWO);
   Print("flat ",Fill(g_table)," ",ArraySize(g_table)," of ",ArrayRange(g_table,0));
   Print(D'2020.01.02 03:04'," ",Lots>1," ",Lots);
   uchar byte=(uchar)(255+256);
   ushort wrapped=(ushort)-1;
   Print(wrapped," ",(int)(char)byte," ",byte);
   string parts[];
   int count=StringSplit("a=b;c",';',parts);
   Print(GREETING,count," ",parts[0]);
   Print(CharToString('A'),0," ",ShortToString('B'),1);
   CKid kid;
   SRowOfThree row={};
   row.list[1]=0.75;
   kid.Add(row);
   kid.Add(row);
   Print(g_list[1]," ",kid.Sum()," ",ArraySize(g_list));
   int x=10,y[2],z=-3;
   y[1]=z;
   Print("x=",x," y=",y[1]);
   CBase *next=new CKid();
   kid.Link(next);
   Print(kid.Next().Name());
   delete next;
  }
int Fill(double &table[][2])
  {
   table[2][1]=5;
   return((int)table[2][1]);
  }
int Later(const int more=2)
  {
   return(more+7);
  }
void Break(void)
  {
   int two[2];
   two[0]=5;
   CBase *nothing=NULL;
   if(Fault=="index")
      Print(two[two[0]]);
   if(Fault=="row")
      Print(g_table[1][two[0]-3]);
   if(Fault=="pointer")
      Print(nothing.Name());
   if(Fault=="format")
      PrintFormat("%d","text");
  }
