// Stands in for the terminal's stdlib.mqh, so that programs written by others can be tried here.
string ErrorDescription(int code)
  {
   return("error "+IntegerToString(code));
  }
bool CompareDoubles(double a,double b)
  {
   return(NormalizeDouble(a-b,8)==0);
  }
string DoubleToStrMorePrecision(double number,int precision)
  {
   return(DoubleToString(number,precision));
  }
