"""Results as files, and what is made of them: JUnit, comparisons, drawings of a fabric, a page to look at."""
