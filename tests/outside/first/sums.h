int sum_up_to(int n);
