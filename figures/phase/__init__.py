"""Phase portraits from composable pieces, each split into ``compute_*`` (frozen arrays) and ``draw_*`` (artists).

==============  ========================================================================
module          piece
==============  ========================================================================
plane           the rectangle shown, through a point of state space
vectors         arrows of one length, or the speed as a background
orbits          evenly spaced integrated orbits with arrowheads
nullclines      where one component of the field vanishes, in its player's colour
equilibria      marks by verdict, eigen-directions, separatrices of saddles
paths           iterates of training algorithms
line            games with one coordinate
compose         all of the above in one figure
==============  ========================================================================
"""
