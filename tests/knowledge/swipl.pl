% SPDX-License-Identifier: MIT
%
% Answers queries, one a line of standard input, as tests/unit/test_prolog_answers.c does: at most 20
% solutions each, what was written before the bindings, then "no", "more", or the error's formal part.
:- initialization(main, main).
:- set_prolog_flag(verbose, silent).
:- style_check(-singleton).

main :-
    current_input(In),
    repeat,
    read_line_to_string(In, Line),
    ( Line == end_of_file -> !
    ; Line == "" -> fail
    ; sub_string(Line, 0, 1, _, "%") -> fail
    ; format("?- ~s~n", [Line]), answer(Line), fail
    ).

answer(Line) :-
    catch(( term_string(Goal, Line, [variable_names(Names)]), run(Goal, Names) ),
          Error, ( Error = error(Formal, _) -> report(Formal) ; report(Error) )).

report(Error) :- \+ \+ ( numbervars(Error, 0, _), format("error: ~q~n", [Error]) ).

run(Goal, Names) :-
    Count = count(0),
    ( call(user:Goal), bindings(Names), arg(1, Count, N), M is N + 1, nb_setarg(1, Count, M), M >= 20
    -> writeln(more)
    ; writeln(no)
    ).

bindings(Names) :-
    exclude([N=_]>>sub_atom(N, 0, 1, _, '_'), Names, Shown),
    \+ \+ ( maplist([_=V, V]>>true, Shown, Vs), numbervars(Vs, 0, _), show(Shown) ),
    nl.

show([]).
show([N=V|T]) :- format("~w = ~q", [N, V]), ( T == [] -> true ; write(', '), show(T) ).
