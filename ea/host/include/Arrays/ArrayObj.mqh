// Stands in for MetaQuotes' class of this name: a list of objects, which it deletes unless told otherwise.
#ifndef EAG_ARRAYS_OBJ
#define EAG_ARRAYS_OBJ
#include <Object.mqh>
class CArrayObj : public CObject
  {
protected:
   CObject          *m_data[];
   bool              m_free;

public:
                     CArrayObj(void) { m_free=true; }
                    ~CArrayObj(void) { Clear(); }
   bool              FreeMode(void) const { return(m_free); }
   void              FreeMode(const bool mode) { m_free=mode; }
   int               Total(void) const { return(ArraySize(m_data)); }
   bool              Reserve(const int size) { return(true); }
   CObject          *At(const int place) const { return(place<0 || place>=ArraySize(m_data) ? NULL : m_data[place]); }
   bool              Add(CObject *element)
     {
      int count=ArraySize(m_data);
      ArrayResize(m_data,count+1,16);
      m_data[count]=element;
      return(true);
     }
   bool              Insert(CObject *element,const int place)
     {
      Add(element);
      for(int i=ArraySize(m_data)-1; i>place; i--)
         m_data[i]=m_data[i-1];
      m_data[place]=element;
      return(true);
     }
   bool              Update(const int place,CObject *element)
     {
      if(place<0 || place>=ArraySize(m_data))
         return(false);
      if(m_free)
         delete m_data[place];
      m_data[place]=element;
      return(true);
     }
   CObject          *Detach(const int place)
     {
      if(place<0 || place>=ArraySize(m_data))
         return(NULL);
      CObject *element=m_data[place];
      for(int i=place+1; i<ArraySize(m_data); i++)
         m_data[i-1]=m_data[i];
      ArrayResize(m_data,ArraySize(m_data)-1);
      return(element);
     }
   bool              Delete(const int place)
     {
      CObject *element=Detach(place);
      if(element!=NULL && m_free)
         delete element;
      return(element!=NULL);
     }
   void              Clear(void)
     {
      for(int i=0; i<ArraySize(m_data) && m_free; i++)
         delete m_data[i];
      ArrayResize(m_data,0);
     }
   void              Shutdown(void) { Clear(); }
  };
#endif
