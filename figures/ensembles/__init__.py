"""Pictures of ensembles, each split into ``compute_*`` (frozen arrays) and ``draw_*`` (artists).

=============  ======================================================================
module         picture
=============  ======================================================================
clouds         final states over the phase portrait
moments        means and covariances in time, with theory or the flow beside them
exits          exit times: histogram and survival, with the exponential tail
marginals      the law of one quantity as a histogram
animation      a cloud in time, as GIF
composed       what ``gandyn ensemble --out F.png`` draws
captions       the run in words
=============  ======================================================================
"""
