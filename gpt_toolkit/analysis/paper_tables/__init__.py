"""GPT-1's Tables 2 to 5 and Figure 2: the runs that they need, and the tables of their results."""
