package source

// InputFiles are the paths of the files that a load would read from DATA_DIR now.
func InputFiles(cfg Config) ([]string, error) {
	q, err := cfg.query()
	if err != nil {
		return nil, err
	}
	l, err := listFolder(q)
	if err != nil {
		return nil, err
	}
	chosen, err := l.choose()
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(chosen))
	for i, f := range chosen {
		paths[i] = f.path
	}
	return paths, nil
}
