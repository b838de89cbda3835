"""What other schedulers were told -> the values of tasks; pure, and imported by `import` alone."""
