from uwsgidecorators import *

@timer(3)
def three_seconds(signum):
    print("3 seconds elapsed")
