//+------------------------------------------------------------------+
//| Ended.mqh: the tickets whose end is known. A broker's lists are  |
//| no order of time: a ticket may come to light after a higher one, |
//| so the highest ticket seen says nothing about those below it.    |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_ENDED
#define EAG_ENDED

#define ENDED_KEPT 2000

//--- In order of tickets. All up to `floor` count as known: what was before the program, and what is long over.
class CEnded
  {
private:
   long              m_tickets[];
   int               m_count;
   long              m_floor;

   int               PlaceOf(const long ticket) const;
   void              DropFirst(const int count);

public:
                     CEnded(void) { Clear(); }
   void              Clear(void);
   void              Add(const long ticket);
   void              Raise(const long floor);
   bool              Knows(const long ticket) const;
   long              Floor(void) const { return(m_floor); }
   int               Count(void) const { return(m_count); }
   long              At(const int i) const { return(m_tickets[i]); }
  };
void CEnded::Clear(void)
  {
   m_count=0;
   m_floor=0;
   ArrayResize(m_tickets,0);
  }
//--- how many lie below it
int CEnded::PlaceOf(const long ticket) const
  {
   int from=0,to=m_count;
   while(from<to)
     {
      int middle=(from+to)/2;
      if(m_tickets[middle]<ticket)
         from=middle+1;
      else
         to=middle;
     }
   return(from);
  }
bool CEnded::Knows(const long ticket) const
  {
   if(ticket<=m_floor)
      return(true);
   int at=PlaceOf(ticket);
   return(at<m_count && m_tickets[at]==ticket);
  }
void CEnded::DropFirst(const int count)
  {
   for(int i=count; i<m_count; i++)
      m_tickets[i-count]=m_tickets[i];
   m_count-=count;
  }
//--- the lower half of too many becomes the floor: no ticket comes to light that much later
void CEnded::Add(const long ticket)
  {
   if(Knows(ticket))
      return;
   if(m_count>=ENDED_KEPT)
     {
      m_floor=MathMax(m_floor,m_tickets[ENDED_KEPT/2-1]);
      DropFirst(ENDED_KEPT/2);
     }
   if(ticket<=m_floor)
      return;
   int at=PlaceOf(ticket);
   ArrayResize(m_tickets,m_count+1,256);
   for(int i=m_count; i>at; i--)
      m_tickets[i]=m_tickets[i-1];
   m_tickets[at]=ticket;
   m_count++;
  }
void CEnded::Raise(const long floor)
  {
   if(floor<=m_floor)
      return;
   m_floor=floor;
   DropFirst(PlaceOf(floor+1));
  }
#endif
