package datasets

// sklearn is where the files with this licence come from; the notice is in
// embedded/README.md.
const sklearn = "file: BSD-3-Clause, scikit-learn 1.2.1; data: UCI Machine Learning Repository"

var irisCard = Card{
	Name:         "iris",
	Description:  "measurements in centimetres of flowers of three kinds of iris; one kind can be told from the others by a straight line, those two from each other cannot",
	Origin:       "R. A. Fisher, measured by E. Anderson; the file of scikit-learn, without the two wrong rows of the UCI repository's",
	Licence:      sklearn,
	Citation:     "Fisher, R.A.: The use of multiple measurements in taxonomic problems. Annals of Eugenics 7, 179-188 (1936)",
	Rows:         150,
	FeatureNames: []string{"sepal length", "sepal width", "petal length", "petal width"},
	ClassNames:   []string{"setosa", "versicolor", "virginica"},
}

var wineCard = Card{
	Name:        "wine",
	Description: "chemical analysis of wines grown in one region of Italy by three growers",
	Origin:      "M. Forina et al., PARVUS, Institute of Pharmaceutical and Food Analysis and Technologies, Genoa; UCI Wine",
	Licence:     sklearn,
	Citation:    "Aeberhard, S., Coomans, D., de Vel, O.: Comparison of classifiers in high dimensional settings. Tech. Rep. 92-02, James Cook University (1992)",
	Rows:        178,
	FeatureNames: []string{"alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids",
		"nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "OD280/OD315 of diluted wines", "proline"},
	ClassNames: []string{"class_0", "class_1", "class_2"},
}

var breastCancerCard = Card{
	Name:         "breast cancer",
	Description:  "ten measurements of the cell nuclei in a picture of a breast mass, each as mean, standard error and worst; is the tumour malignant or benign?",
	Origin:       "W. H. Wolberg, W. N. Street and O. L. Mangasarian, University of Wisconsin; UCI Breast Cancer Wisconsin (Diagnostic)",
	Licence:      sklearn,
	Citation:     "Street, W.N., Wolberg, W.H., Mangasarian, O.L.: Nuclear feature extraction for breast tumor diagnosis. IS&T/SPIE 1905, 861-870 (1993)",
	Rows:         569,
	FeatureNames: nucleusNames(),
	ClassNames:   []string{"malignant", "benign"},
}

func nucleusNames() (names []string) {
	for _, of := range []string{"mean ", "error of ", "worst "} {
		for _, what := range []string{"radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry", "fractal dimension"} {
			names = append(names, of+what)
		}
	}
	return names
}

var digitsCard = Card{
	Name:        "digits",
	Description: "handwritten digits of 13 people, as 8x8 pictures; each pixel counts the dark ones of 16, here divided by 16",
	Origin:      "E. Alpaydin and C. Kaynak, Bogazici University; test part of UCI Optical Recognition of Handwritten Digits",
	Licence:     sklearn,
	Citation:    "Kaynak, C.: Methods of combining multiple classifiers and their applications to handwritten digit recognition. MSc thesis, Bogazici University (1995)",
	Rows:        1797,
	ClassNames:  []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
}

var diabetesCard = Card{
	Name:         "diabetes",
	Description:  "ten measurements of patients with diabetes, as measured, and the progression of the disease a year later",
	Origin:       "B. Efron, T. Hastie, I. Johnstone and R. Tibshirani",
	Licence:      "file: BSD-3-Clause, scikit-learn 1.2.1; data: published with the paper",
	Citation:     "Efron, B., Hastie, T., Johnstone, I., Tibshirani, R.: Least angle regression. Annals of Statistics 32, 407-499 (2004)",
	Rows:         442,
	FeatureNames: []string{"age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"},
}

var penguinsCard = Card{
	Name:         "penguins",
	Description:  "measurements of penguins of three species near Palmer Station, Antarctica",
	Origin:       "K. B. Gorman, Palmer Station LTER; the R package palmerpenguins",
	Licence:      "CC0-1.0",
	Citation:     "Gorman, K.B., Williams, T.D., Fraser, W.R.: Ecological sexual dimorphism and environmental variability within a community of Antarctic penguins. PLoS ONE 9(3), e90081 (2014)",
	Rows:         342,
	FeatureNames: []string{"bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"},
	ClassNames:   []string{"Adelie", "Chinstrap", "Gentoo"},
}

var fashionCard = Card{
	Name:        "mini fashion",
	Description: "28x28 pictures of clothes: the first 60 of each class of Fashion-MNIST's training set and the first 20 of its test set",
	Origin:      "Zalando Research",
	Licence:     "MIT, Copyright 2017 Zalando SE",
	Citation:    "Xiao, H., Rasul, K., Vollgraf, R.: Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. arXiv:1708.07747 (2017)",
	Rows:        800,
	ClassNames:  []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
}
