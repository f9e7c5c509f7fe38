// Stands in for MetaQuotes' class of this name.
#ifndef EAG_ARRAYS_INT
#define EAG_ARRAYS_INT
#include <Object.mqh>
class CArrayInt : public CObject
  {
protected:
   int               m_data[];

public:
   int               Total(void) const { return(ArraySize(m_data)); }
   bool              Reserve(const int size) { return(true); }
   bool              Resize(const int size) { return(ArrayResize(m_data,size)>=0); }
   int               At(const int place) const { return(m_data[place]); }
   bool              Add(const int element)
     {
      int count=ArraySize(m_data);
      ArrayResize(m_data,count+1,16);
      m_data[count]=element;
      return(true);
     }
   bool              Update(const int place,const int element)
     {
      if(place<0 || place>=ArraySize(m_data))
         return(false);
      m_data[place]=element;
      return(true);
     }
   bool              Delete(const int place)
     {
      if(place<0 || place>=ArraySize(m_data))
         return(false);
      for(int i=place+1; i<ArraySize(m_data); i++)
         m_data[i-1]=m_data[i];
      ArrayResize(m_data,ArraySize(m_data)-1);
      return(true);
     }
   int               SearchLinear(const int element) const
     {
      for(int i=0; i<ArraySize(m_data); i++)
         if(m_data[i]==element)
            return(i);
      return(-1);
     }
   void              Sort(const int mode=0) { ArraySort(m_data); }
   void              Clear(void) { ArrayResize(m_data,0); }
   void              Shutdown(void) { ArrayResize(m_data,0); }
  };
#endif
