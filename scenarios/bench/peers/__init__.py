"""What ensembles are measured against: the same paths by other means, each of which must give the same moments.

All take Euler-Maruyama steps of the Dirac-GAN under isotropic noise from (1, 1), in double precision on all cores, and
keep last states only.

``sample``        what a peer gives back, and whether two agree
``numba_loop``    a plain parallel loop by hand
``c_program``     a scalar C program, built with the system's compiler; its source is ``euler_maruyama.c``
``torchsde_run``  torchsde, a process of its own
``diffrax_run``   diffrax, a process of its own
"""
