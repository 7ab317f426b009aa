"""A page of problems of a throw-away book: one with code to write, one with a choice."""

PROBLEMS = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
claimbook: {minutes: 0.1}
---

# Problems

```{code-cell} ipython3
from claimbook import choice_question, number_question
```

```{exercise-start} Twice
:label: ex-twice
```

```{problem}
level: derive
goal: Write a function that doubles.
minutes: 10
points: 2
```

Write `twice`, without `*`.

```{code-cell} ipython3
:tags: [stub]
def twice(x):
    return x  # your code
```

```{hint}
:class: dropdown
What is $2x$ as a sum?
```

```{exercise-end}
```

```{solution-start} ex-twice
:label: sol-twice
:class: dropdown
```

A product with two is a sum of equal terms.

```{code-cell} ipython3
def twice(x):
    return x + x


fourteen = twice(7)
```

```{solution-end}
```

```{code-cell} ipython3
:tags: [check]
assert twice(3) == 6, "twice three is six"
```

```{code-cell} ipython3
:tags: [ask]
number_question("What is twice $x = 7$?", fourteen, within=0.5, wrong={7: "That is once."}, otherwise="Add 7 to 7.")
```

```{admonition} Marking
:class: marking
Both points for the sum; a common error is the square.
```

```{exercise-start} Parity
:label: ex-parity
```

```{problem}
level: check
goal: Name the parity of a double.
minutes: 5
points: 1
```

What is the parity of $2x$ for whole $x$?

```{hint}
:class: dropdown
Divide by two.
```

```{exercise-end}
```

```{solution-start} ex-parity
:label: sol-parity
:class: dropdown
```

Doubles leave no remainder.

```{code-cell} ipython3
print("remainders", [twice(x) % 2 for x in range(3)])
```

```{solution-end}
```

```{code-cell} ipython3
:tags: [ask]
choice_question("A double is", right=("even", "So it is."), wrong=[("odd", "Try $x = 1$."), ("prime", "Try 4.")])
```

```{admonition} Marking
:class: marking
One point, for the word alone.
```

## Next

The end.
"""
