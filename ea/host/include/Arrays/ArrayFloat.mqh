// Stands in for MetaQuotes' class of this name.
#ifndef EAG_ARRAYS_FLOAT
#define EAG_ARRAYS_FLOAT
#include <Object.mqh>
class CArrayFloat : public CObject
  {
protected:
   float             m_data[];

public:
   int               Total(void) const { return(ArraySize(m_data)); }
   bool              Reserve(const int size) { return(true); }
   bool              Resize(const int size) { return(ArrayResize(m_data,size)>=0); }
   float             At(const int place) const { return(m_data[place]); }
   bool              Add(const float element)
     {
      int count=ArraySize(m_data);
      ArrayResize(m_data,count+1,16);
      m_data[count]=element;
      return(true);
     }
   bool              Update(const int place,const float element)
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
   int               SearchLinear(const float element) const
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
