/* A page that was opened from a disk may not fetch its neighbours: the search then lists its hits without excerpts. */
"use strict";

if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS) DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
