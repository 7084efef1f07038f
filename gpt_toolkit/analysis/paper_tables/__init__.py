"""GPT-1's Tables 2 to 5 and Figure 2: which runs they take, running them, and what they came to.

``paper`` has the published numbers, ``budget`` how much the built-in world's runs cost, ``plan`` which runs
the parts need, ``running`` starts them, ``results`` reads what they and the user's own runs left,
``assembly`` puts the tables together, ``output`` and ``figure`` show them.
"""
